"""The fixed bytes of the container: the preamble, section headers and their limits (docs/bitstream.md)."""

import re
import struct
import zlib

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
DIGEST_BYTES = 16

_NAME = re.compile(r"[A-Za-z0-9_./-]{1,64}")


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
