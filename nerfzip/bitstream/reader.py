"""Random access to the sections of a `.nrz` file."""

import zlib
from typing import Any, BinaryIO, NamedTuple

from nerfzip.bitstream import layout
from nerfzip.bitstream.header import MAX_JSON_BYTES, decode_header
from nerfzip.errors import BitstreamError


class _Section(NamedTuple):
    offset: int
    length: int
    checksum: int


class BitstreamReader:
    """Reads one section at a time; bytes of other sections are never touched.

    Opening walks the section headers (13 bytes and the name each), which are chained by their checksums: a section
    that was changed in length, renamed, moved, removed or inserted is noticed there. Payloads are checked when read.

    Attributes:
        method, header: from the header section.
        digest: `tensor_digest` of what the file decodes to.
        size: of the whole file in bytes.
        bytes_read: how many bytes have been read from the file so far.

    Raises:
        BitstreamError: from the constructor and `read`, naming the section and the byte offset.
    """

    method: str
    header: dict[str, Any]
    digest: bytes

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.bytes_read = 0
        self.size = file.seek(0, 2)
        self._sections = self._index()
        self.method, self.header = decode_header(self._payload(layout.HEADER))
        self.digest = self._payload(layout.END)

    @property
    def sizes(self) -> dict[str, int]:
        """Payload bytes of each section in file order, without the container's own header and end."""
        return {name: entry.length for name, entry in self._sections.items() if name not in layout.RESERVED_NAMES}

    def read(self, name: str) -> bytes:
        """The payload of one section."""
        if name not in self._sections or name in layout.RESERVED_NAMES:
            raise BitstreamError(f"there is no section {name!r}, the file has {', '.join(self.sizes) or 'none'}")
        return self._payload(name)

    def _index(self) -> dict[str, _Section]:
        offset, checksum = self._read_preamble()
        sections: dict[str, _Section] = {}
        while layout.END not in sections:
            if len(sections) == layout.MAX_SECTIONS:
                raise BitstreamError(f"byte {offset}: more than {layout.MAX_SECTIONS} sections")
            name, section, checksum = self._read_section_header(offset, checksum)
            self._check_place(name, section, offset, sections)
            sections[name] = section
            offset = section.offset + section.length
        if offset != self.size:
            raise BitstreamError(f"byte {offset}: {self.size - offset} bytes follow section 'end', expected none")
        return sections

    def _read_preamble(self) -> tuple[int, int]:
        if self.size == 0:
            raise BitstreamError("the file is empty")
        preamble = self._read(0, len(layout.PREAMBLE), "the magic bytes")
        if not preamble.startswith(layout.MAGIC):
            raise BitstreamError(f"byte 0: not a .nrz file: starts with {preamble[:8]!r}, expected {layout.MAGIC!r}")
        if preamble[-1] != layout.VERSION:
            raise BitstreamError(f"byte 8: version {preamble[-1]} of the format found, expected {layout.VERSION}")
        return len(preamble), zlib.crc32(preamble)

    def _read_section_header(self, offset: int, previous_checksum: int) -> tuple[str, _Section, int]:
        where = f"the header of the section at byte {offset}"
        start = self._read(offset, layout.SECTION_START.size, where)
        name_length, length, payload_checksum = layout.SECTION_START.unpack(start)
        rest = self._read(offset + len(start), name_length + layout.CHECKSUM.size, where)
        encoded_name = rest[:name_length]
        checksum = zlib.crc32(start + encoded_name, previous_checksum)
        if rest[name_length:] != layout.CHECKSUM.pack(checksum):
            raise BitstreamError(f"{where}: the checksum is wrong, the file is damaged")
        name = encoded_name.decode("ascii", "backslashreplace")
        layout.check_name(name, where)
        return name, _Section(offset + len(start) + len(rest), length, payload_checksum), checksum

    def _check_place(self, name: str, section: _Section, offset: int, before: dict[str, _Section]) -> None:
        where = f"section {name!r} at byte {offset}"
        if section.length > self.size - section.offset:
            left = self.size - section.offset
            raise BitstreamError(f"{where}: {section.length} bytes announced, but only {left} are left in the file")
        if name in before:
            raise BitstreamError(f"{where}: there is a section of this name already")
        if (name == layout.HEADER) != (not before):
            raise BitstreamError(f"{where}: the first section must be 'header', and no other")
        if name == layout.HEADER and section.length > MAX_JSON_BYTES + 1:
            raise BitstreamError(f"{where}: {section.length} bytes, the limit is {MAX_JSON_BYTES + 1}")
        if name == layout.END and section.length != layout.DIGEST_BYTES:
            raise BitstreamError(f"{where}: {section.length} bytes, expected a digest of {layout.DIGEST_BYTES}")
        if name == layout.CONTAINER:
            raise BitstreamError(f"{where}: this name is reserved")

    def _payload(self, name: str) -> bytes:
        section = self._sections[name]
        payload = self._read(section.offset, section.length, f"section {name!r}")
        if zlib.crc32(payload) != section.checksum:
            raise BitstreamError(f"section {name!r} at byte {section.offset}: the checksum is wrong, it is damaged")
        return payload

    def _read(self, offset: int, length: int, where: str) -> bytes:
        if length > self.size - offset:
            raise BitstreamError(f"{where}: the file is cut, it ends at byte {self.size}")
        self._file.seek(offset)
        data = self._file.read(length)
        self.bytes_read += len(data)
        if len(data) != length:
            raise BitstreamError(f"{where}: the file shrank while it was read")
        return data
