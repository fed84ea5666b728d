"""docs/bitstream.md shows a real file; this test writes that file again."""

import re
from pathlib import Path

import numpy as np

from nerfzip.bitstream import pack, tensor_digest

DOCUMENT = Path(__file__).parents[2] / "docs" / "bitstream.md"


def documented_file() -> bytes:
    codes = np.array([0, 1, 2], dtype=np.int8)
    return pack("demo", {"scale": 0.1}, {"codes": codes.tobytes()}, tensor_digest({"codes": codes}))


def hexdump(data: bytes) -> str:
    lines = []
    for offset in range(0, len(data), 16):
        row = data[offset : offset + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{offset:04x}  {row.hex(' '):<47}  {text}")
    return "\n".join(lines)


def test_the_dump_is_the_file() -> None:
    assert hexdump(documented_file()) in DOCUMENT.read_text()


def test_the_walk_through_covers_the_file_in_order() -> None:
    rows = re.findall(r"^\| ([0-9a-f]{4}) \| `([0-9a-f ]+)` \|", DOCUMENT.read_text(), flags=re.MULTILINE)
    offset = 0
    for documented_offset, documented_bytes in rows:
        assert int(documented_offset, 16) == offset
        expected = bytes.fromhex(documented_bytes)
        assert documented_file()[offset : offset + len(expected)] == expected
        offset += len(expected)
    assert offset == len(documented_file())
