"""A `.nrz` file that grows section by section."""

import zlib
from typing import Any, BinaryIO

from nerfzip.bitstream import layout
from nerfzip.bitstream.header import encode_header
from nerfzip.errors import BitstreamError


class BitstreamWriter:
    """Appends sections to a binary file, in the order in which they are written, and never goes back.

    Each section is flushed, so that a reader that was opened with `growing=True` can follow. The file is complete after
    `close`, and stays open: it is the caller's.

    Args:
        file: written from where it stands, which must be its beginning; it need not be seekable.
        method: name of the method that can decode it.
        header: plain JSON; floats keep every bit.

    Raises:
        BitstreamError: from every call, for a name, a header or a size that the format can't hold. Nothing is written.
    """

    def __init__(self, file: BinaryIO, method: str, header: dict[str, Any]) -> None:
        self._file = file
        self._names: set[str] = set()
        self._checksum = zlib.crc32(layout.PREAMBLE)
        payload = encode_header(method, header)
        self._write_all(layout.PREAMBLE)
        self._append(layout.HEADER, payload)

    def write(self, name: str, payload: bytes) -> None:
        """Append a section; "header", "end" and "container" are reserved."""
        layout.check_name(name, "a section")
        if name in layout.RESERVED_NAMES:
            raise BitstreamError(f"section {name!r}: this name is reserved")
        # One place is kept for the end.
        if len(self._names) == layout.MAX_SECTIONS - 1:
            raise BitstreamError(f"section {name!r}: there are {layout.MAX_SECTIONS - 2} already, which is the limit")
        self._append(name, payload)

    def close(self, digest: bytes) -> None:
        """Write the end of the file: `tensor_digest` of what it decodes to."""
        if len(digest) != layout.DIGEST_BYTES:
            raise BitstreamError(f"a digest of {len(digest)} bytes, expected {layout.DIGEST_BYTES}")
        self._append(layout.END, digest)

    def _append(self, name: str, payload: bytes) -> None:
        if layout.END in self._names:
            raise BitstreamError(f"section {name!r}: the file has its end already")
        if name in self._names:
            raise BitstreamError(f"section {name!r}: there is a section of this name already")
        header, self._checksum = layout.section_header(name, payload, self._checksum)
        self._names.add(name)
        self._write_all(header)
        self._write_all(payload)
        self._file.flush()

    def _write_all(self, data: bytes) -> None:
        """An unbuffered file may take less than it is given."""
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
