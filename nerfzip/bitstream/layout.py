"""The fixed bytes of the container: the preamble, section headers and their limits (docs/bitstream.md)."""

import re
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from nerfzip.errors import BitstreamError

MAGIC = b"\x89NRZ\r\n\x1a\n"
"""Like PNG's: the first byte is not text, and a transfer that converts line ends or stops at Ctrl-Z breaks it."""
VERSION = 1
PREAMBLE = MAGIC + bytes([VERSION])

HEADER = "header"
END = "end"
CONTAINER = "container"
RESERVED_NAMES = (HEADER, END, CONTAINER)

SECTION_START = struct.Struct("<BII")
"""Name length, payload length, CRC-32 of the payload."""
CHECKSUM = struct.Struct("<I")

MAX_SECTIONS = 16_384
MAX_PAYLOAD = 2**32 - 1
MAX_JSON_BYTES = 2**20
DIGEST_BYTES = 16
MAX_NAME = 64

NAME_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-"
_NAME = re.compile(rf"[{NAME_CHARACTERS.decode()}]{{1,{MAX_NAME}}}")

ReadBytes = Callable[[int, int, str], bytes]
"""Offset, length, and what is read for an error message -> the bytes; FileEndsError if there are fewer."""


class FileEndsError(BitstreamError):
    """The file ends where more was announced: it was cut, or has not grown as far yet."""


class Section(NamedTuple):
    """Where the payload of a section lies in the file, and its CRC-32."""

    offset: int
    length: int
    checksum: int

    @property
    def end(self) -> int:
        return self.offset + self.length


def check_name(name: str, where: str) -> None:
    """Raise BitstreamError, naming `where`, unless `name` may name a section or a method."""
    if not _NAME.fullmatch(name):
        raise BitstreamError(f"{where}: the name {name!r}, expected 1 to 64 of the characters A-Z a-z 0-9 _ . / -")


def section_header(name: str, payload: bytes, previous_checksum: int) -> tuple[bytes, int]:
    """The header of a section, and its checksum, from which the next section's checksum goes on."""
    if len(payload) > MAX_PAYLOAD:
        raise BitstreamError(f"section {name!r}: {len(payload)} bytes, the limit is {MAX_PAYLOAD}")
    start = SECTION_START.pack(len(name), len(payload), zlib.crc32(payload)) + name.encode("ascii")
    checksum = zlib.crc32(start, previous_checksum)
    return start + CHECKSUM.pack(checksum), checksum


def check_preamble(data: bytes) -> None:
    """Raise BitstreamError unless a file that begins with these bytes is a `.nrz` file of this version."""
    if not data.startswith(MAGIC):
        raise BitstreamError(f"byte 0: not a .nrz file: starts with {data[:8]!r}, expected {MAGIC!r}")
    if data[len(MAGIC) : len(PREAMBLE)] != PREAMBLE[len(MAGIC) :]:
        raise BitstreamError(f"byte 8: version {data[len(MAGIC)]} of the format found, expected {VERSION}")


def read_section_header(
    read: ReadBytes, offset: int, size: int, previous_checksum: int | None
) -> tuple[str, Section, int]:
    """The name of the section that starts at `offset`, where its payload lies, and the checksum of its header.

    Args:
        size: of the whole file in bytes.
        previous_checksum: of the header before; None if it isn't known, and the checksum can't be checked.

    Raises:
        FileEndsError: the file has not all bytes of the section.
        BitstreamError: the checksum is wrong, or a name or length that no section has.
    """
    where = f"the header of the section at byte {offset}"
    start = read(offset, SECTION_START.size, where)
    name_length, length, payload_checksum = SECTION_START.unpack(start)
    rest = read(offset + len(start), name_length + CHECKSUM.size, where)
    encoded_name = rest[:name_length]
    (checksum,) = CHECKSUM.unpack(rest[name_length:])
    if previous_checksum is not None and checksum != zlib.crc32(start + encoded_name, previous_checksum):
        raise BitstreamError(f"{where}: the checksum is wrong, the file is damaged")
    name = encoded_name.decode("ascii", "backslashreplace")
    check_name(name, where)
    section = Section(offset + len(start) + len(rest), length, payload_checksum)
    _check_length(name, section, size, f"section {name!r} at byte {offset}")
    return name, section, checksum


def _check_length(name: str, section: Section, size: int, where: str) -> None:
    if section.end > size:
        left = size - section.offset
        raise FileEndsError(f"{where}: {section.length} bytes announced, but only {left} are left in the file")
    if name == HEADER and section.length > MAX_JSON_BYTES + 1:
        raise BitstreamError(f"{where}: {section.length} bytes, the limit is {MAX_JSON_BYTES + 1}")
    if name == END and section.length != DIGEST_BYTES:
        raise BitstreamError(f"{where}: {section.length} bytes, expected a digest of {DIGEST_BYTES}")
    if name == CONTAINER:
        raise BitstreamError(f"{where}: this name is reserved")
