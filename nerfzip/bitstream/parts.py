"""Several byte strings in one, such as what makes up the section of a frame: each behind its length."""

import struct
from collections.abc import Iterable

from nerfzip.errors import BitstreamError

_LENGTH = struct.Struct("<I")


def join_parts(parts: Iterable[bytes]) -> bytes:
    """The parts one behind the other; their number is not part of it."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def split_parts(data: bytes, count: int) -> list[bytes]:
    """The inverse of `join_parts`.

    Raises:
        BitstreamError: they are not so many parts.
    """
    parts: list[bytes] = []
    start = 0
    for _ in range(count):
        head = data[start : start + _LENGTH.size]
        if len(head) < _LENGTH.size:
            raise BitstreamError(f"it ends within its {len(parts) + 1}. of {count} parts")
        end = start + len(head) + _LENGTH.unpack(head)[0]
        if end > len(data):
            raise BitstreamError(f"its {len(parts) + 1}. of {count} parts is longer than what is left")
        parts.append(data[start + len(head) : end])
        start = end
    if start != len(data):
        raise BitstreamError(f"{len(data) - start} bytes follow its {count} parts")
    return parts
