"""Random access to the sections of a `.nrz` file."""

import zlib
from typing import Any, BinaryIO, NoReturn

from nerfzip.bitstream import layout
from nerfzip.bitstream.header import decode_header
from nerfzip.bitstream.layout import FileEndsError, Section
from nerfzip.bitstream.recovery import find_sections
from nerfzip.errors import BitstreamError


class BitstreamReader:
    """Reads one section at a time; bytes of other sections are never touched.

    Opening walks the section headers (13 bytes and the name each), which are chained by their checksums: a section
    that was changed in length, renamed, moved, removed or inserted is noticed there. Payloads are checked when read.

    Args:
        file: seekable.
        growing: the file may still be written. What is not there yet, or half, is no error; `refresh` looks again.
        recover: the file may be damaged. All sections that are whole can be read, the others are lost. The whole file
            is read once, in time linear in its size. docs/bitstream.md says how far a section behind a gap is trusted.

    Attributes:
        size: of the whole file in bytes, when it was last looked at.
        bytes_read: how many bytes have been read from the file so far.
        lost: names of the sections that are lost, as far as they are known, if the file was opened with `recover`.
        damage: what is wrong with the file, in its order, if it was opened with `recover`; empty if nothing is.

    Raises:
        BitstreamError: from the constructor, `refresh`, `read` and the properties, naming section and byte offset.
    """

    def __init__(self, file: BinaryIO, growing: bool = False, recover: bool = False) -> None:
        self._file = file
        self._growing = growing
        self._recovered = recover
        self._sections: dict[str, Section] = {}
        self._next_header = 0
        self._checksum = 0
        self._content_if_there: tuple[str, dict[str, Any]] | None = None
        self._digest_if_there: bytes | None = None
        self.bytes_read = 0
        self.size = file.seek(0, 2)
        self.lost: tuple[str, ...] = ()
        self.damage: tuple[str, ...] = ()
        if recover:
            self._recover()
        else:
            self.refresh()

    @property
    def method(self) -> str:
        """The method that wrote the file."""
        return self._content[0]

    @property
    def header(self) -> dict[str, Any]:
        """Its settings, plain JSON."""
        return self._content[1]

    @property
    def digest(self) -> bytes:
        """`tensor_digest` of what the file decodes to."""
        return self._digest_if_there or self._absent(layout.END)

    @property
    def complete(self) -> bool:
        """Whether the end of the file is there."""
        return layout.END in self._sections

    @property
    def sizes(self) -> dict[str, int]:
        """Payload bytes of each section in file order, without the container's own header and end."""
        return {name: entry.length for name, entry in self._sections.items() if name not in layout.RESERVED_NAMES}

    def refresh(self) -> list[str]:
        """Look for what a growing file has got since the last look, and return the names of its new sections."""
        known = len(self._sections)
        if self._recovered:
            return []
        self.size = self._file.seek(0, 2)
        try:
            self._walk()
        except FileEndsError:
            if not self._growing:
                raise
        return [name for name in list(self._sections)[known:] if name not in layout.RESERVED_NAMES]

    def read(self, name: str) -> bytes:
        """The payload of one section."""
        if name not in self._sections or name in layout.RESERVED_NAMES:
            self._absent(name)
        return self._payload(name)

    def why_absent(self, name: str) -> str:
        """What has become of a section that is not among `sizes`: "lost", "not there yet" or "not in the file"."""
        if self._recovered:
            return "lost"
        return "not there yet" if self._growing and not self.complete else "not in the file"

    @property
    def _content(self) -> tuple[str, dict[str, Any]]:
        return self._content_if_there or self._absent(layout.HEADER)

    def _absent(self, name: str) -> NoReturn:
        why = self.why_absent(name)
        if why == "not in the file":
            why = f"there is no such section, the file has {', '.join(self.sizes) or 'none'}"
        raise BitstreamError(f"section {name!r}: {why}")

    def _walk(self) -> None:
        if self._next_header == 0:
            if self.size == 0:
                raise FileEndsError("the file is empty")
            preamble = self._read(0, len(layout.PREAMBLE), "the magic bytes")
            layout.check_preamble(preamble)
            self._next_header, self._checksum = len(preamble), zlib.crc32(preamble)
        while not self.complete:
            self._step()
        if left := self.size - self._next_header:
            raise BitstreamError(f"byte {self._next_header}: {left} bytes follow section 'end', expected none")

    def _step(self) -> None:
        offset = self._next_header
        if len(self._sections) == layout.MAX_SECTIONS:
            raise BitstreamError(f"byte {offset}: more than {layout.MAX_SECTIONS} sections")
        name, section, checksum = layout.read_section_header(self._read, offset, self.size, self._checksum)
        where = f"section {name!r} at byte {offset}"
        if name in self._sections:
            raise BitstreamError(f"{where}: there is a section of this name already")
        if (name == layout.HEADER) != (not self._sections):
            raise BitstreamError(f"{where}: the first section must be 'header', and no other")
        self._sections[name] = section
        self._next_header, self._checksum = section.end, checksum
        if name == layout.HEADER:
            self._content_if_there = decode_header(self._payload(name))
        if name == layout.END:
            self._digest_if_there = self._payload(name)

    def _recover(self) -> None:
        found = find_sections(self._read(0, self.size, "the file"))
        self._sections, self.lost, self.damage = found.sections, found.lost, found.damage
        if layout.HEADER not in found.sections:
            raise BitstreamError(
                f"section 'header' is lost, nothing can be decoded without it: {'; '.join(self.damage)}"
            )
        self._content_if_there = decode_header(self._payload(layout.HEADER))
        if self.complete:
            self._digest_if_there = self._payload(layout.END)

    def _payload(self, name: str) -> bytes:
        section = self._sections[name]
        payload = self._read(section.offset, section.length, f"section {name!r}")
        if zlib.crc32(payload) != section.checksum:
            raise BitstreamError(f"section {name!r} at byte {section.offset}: the checksum is wrong, it is damaged")
        return payload

    def _read(self, offset: int, length: int, where: str) -> bytes:
        if length > self.size - offset:
            raise FileEndsError(f"{where}: the file is cut, it ends at byte {self.size}")
        self._file.seek(offset)
        data = self._file.read(length)
        self.bytes_read += len(data)
        if len(data) != length:
            raise BitstreamError(f"{where}: the file shrank while it was read")
        return data
