"""docs/bitstream.md shows a real file; this test writes that file again."""

import re
from pathlib import Path

import numpy as np

from nerfzip.bitstream import pack, tensor_digest

DOCUMENT = Path(__file__).parents[2] / "docs" / "bitstream.md"


def documented_file() -> bytes:
    codes = np.array([0, 1, 2], dtype=np.int8)
    return pack("demo", {"scale": 0.1}, {"codes": codes.tobytes()}, tensor_digest({"codes": codes}))


def documented_video() -> bytes:
    header = {"video": {"frames": 3, "gof": 2, "prediction": "key"}}
    sections = {"shared": b"S", "frame.0000": b"0", "frame.0001": b"1", "frame.0002": b"2"}
    return pack("demo", header, sections, bytes(16))


def hexdump(data: bytes) -> str:
    lines = []
    for offset in range(0, len(data), 16):
        row = data[offset : offset + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{offset:04x}  {row.hex(' '):<47}  {text}")
    return "\n".join(lines)


def test_the_dumps_are_the_files() -> None:
    assert hexdump(documented_file()) in DOCUMENT.read_text()
    assert hexdump(documented_video()) in DOCUMENT.read_text()


def test_the_sections_of_the_video_start_where_the_document_says() -> None:
    sentence = re.search(r"the sections start at (.*?) A reader", DOCUMENT.read_text(), flags=re.DOTALL)
    assert sentence is not None
    video, names = documented_video(), [b"shared", b"frame.0000", b"frame.0001", b"frame.0002", b"end"]
    starts = [int(number, 16) for number in re.findall(r"\b[0-9a-f]{4}\b", sentence[1])]
    assert all(video[start + 9 :].startswith(name) for start, name in zip(starts, names, strict=True))


def test_the_walk_through_covers_the_file_in_order() -> None:
    rows = re.findall(r"^\| ([0-9a-f]{4}) \| `([0-9a-f ]+)` \|", DOCUMENT.read_text(), flags=re.MULTILINE)
    offset = 0
    for documented_offset, documented_bytes in rows:
        assert int(documented_offset, 16) == offset
        expected = bytes.fromhex(documented_bytes)
        assert documented_file()[offset : offset + len(expected)] == expected
        offset += len(expected)
    assert offset == len(documented_file())
