"""What can still be read of a damaged file."""

import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from decode_limits import within_limits

from nerfzip.bitstream import BitstreamReader, pack
from nerfzip.bitstream.checksums import crc32_of_ranges
from nerfzip.errors import BitstreamError

DIGEST = bytes(range(16))
_noise = np.random.default_rng(0)
SECTIONS = {"shared": b"tables"} | {f"frame.{index:04d}": _noise.bytes(300 + index) for index in range(12)}
FILE = pack("video", {"frames": 12}, SECTIONS, DIGEST)
START = {name: FILE.index(name.encode()) - 9 for name in [*SECTIONS, "header", "end"]}
PAYLOAD = {name: start + 9 + len(name) + 4 for name, start in START.items()}


def recovered(data: bytes) -> BitstreamReader:
    reader = BitstreamReader(io.BytesIO(data), recover=True)
    for name in SECTIONS.keys() & reader.sizes.keys():  # a damaged name may be none of these
        assert reader.read(name) == SECTIONS[name]
    return reader


def missing(reader: BitstreamReader) -> set[str]:
    return SECTIONS.keys() - reader.sizes.keys()


def flipped(offset: int, bit: int = 0) -> bytes:
    data = bytearray(FILE)
    data[offset] ^= 1 << bit
    return bytes(data)


def test_of_a_good_file_nothing_is_lost() -> None:
    reader = recovered(FILE)
    assert (reader.method, reader.header, reader.digest) == ("video", {"frames": 12}, DIGEST)
    assert list(reader.sizes) == list(SECTIONS)
    assert (reader.lost, reader.damage, reader.complete) == ((), (), True)


def test_a_damaged_payload_is_lost_by_name() -> None:
    reader = recovered(flipped(PAYLOAD["frame.0003"] + 7))
    assert missing(reader) == {"frame.0003"} == set(reader.lost)
    assert reader.damage == (
        f"section 'frame.0003' at byte {PAYLOAD['frame.0003']}: the checksum is wrong, it is damaged",
    )
    with pytest.raises(BitstreamError, match=r"^section 'frame.0003': lost$"):
        reader.read("frame.0003")


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("at", range(9 + len("frame.0003") + 4))
def test_a_damaged_header_costs_one_section_at_most(at: int, bit: int) -> None:
    reader = recovered(flipped(START["frame.0003"] + at, bit))
    assert missing(reader) <= {"frame.0003"} | set(reader.lost)
    assert len(missing(reader)) <= 1
    assert str(START["frame.0003"]) in reader.damage[0]
    if at < 9:
        assert missing(reader) == {"frame.0003"}


def test_a_name_that_was_changed_into_another_sections_is_not_believed() -> None:
    data = bytearray(FILE)
    data[START["frame.0003"] + 9 : PAYLOAD["frame.0003"] - 4] = b"frame.0007"
    assert missing(recovered(bytes(data))) == {"frame.0003"}
    # Where the true one is damaged, too, its chained header still says whose name it is.
    data[PAYLOAD["frame.0007"]] ^= 1
    assert missing(recovered(bytes(data))) == {"frame.0003", "frame.0007"}


def test_sections_that_are_cut_out() -> None:
    data = FILE[: START["frame.0002"]] + FILE[START["frame.0005"] :]
    assert missing(recovered(data)) == {"frame.0002", "frame.0003", "frame.0004"}
    half = FILE[: START["frame.0002"] + 5] + FILE[START["frame.0005"] + 100 :]
    assert missing(recovered(half)) == {"frame.0002", "frame.0003", "frame.0004", "frame.0005"}
    inside = FILE[: PAYLOAD["frame.0002"] + 5] + FILE[PAYLOAD["frame.0002"] + 6 :]
    assert missing(recovered(inside)) == {"frame.0002"}


def test_what_was_inserted_or_repeated_costs_nothing() -> None:
    at = START["frame.0002"]
    assert missing(recovered(FILE[:at] + bytes(1000) + FILE[at:])) == set()
    again = FILE[START["frame.0000"] : START["frame.0004"]]
    reader = recovered(FILE[:at] + again + FILE[at:])
    assert missing(reader) == set()
    assert any("'frame.0000': 2 sections" in words for words in reader.damage)


def test_a_cut_file_has_what_comes_before_the_cut() -> None:
    for size in range(START["shared"], len(FILE), 37):
        reader = recovered(FILE[:size])
        whole = {name for name in SECTIONS if PAYLOAD[name] + len(SECTIONS[name]) <= size}
        assert missing(reader) == SECTIONS.keys() - whole
        assert not reader.complete
        assert reader.damage
        with pytest.raises(BitstreamError, match="'end': lost"):
            _ = reader.digest


@pytest.mark.parametrize("at", range(9))
def test_a_damaged_preamble_is_forgiven(at: int) -> None:
    reader = recovered(flipped(at))
    assert missing(reader) == set()
    assert len(reader.damage) == 1


def test_without_its_header_nothing_can_be_decoded() -> None:
    with pytest.raises(BitstreamError, match="'header' is lost"):
        recovered(flipped(PAYLOAD["header"] + 3))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 a zip file" * 30, "not a .nrz file"),
        (FILE[:8] + b"\x02" + flipped(START["header"] + 16)[9:], "version 2"),
        (b"another file" + FILE[9:], "not a .nrz file"),
    ],
)
def test_what_is_no_file_of_this_format_is_refused(data: bytes, word: str) -> None:
    with pytest.raises(BitstreamError, match=word):
        recovered(data)


def flip_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(data))
        del data[start : start + chance.randint(1, 600)]


def repeat(data: bytearray, chance: random.Random) -> None:
    start, to = chance.randrange(len(data)), chance.randrange(len(data))
    data[to:to] = data[start : start + chance.randint(1, 1500)]


@pytest.mark.parametrize("mutate", [flip_bits, cut, repeat])
def test_what_is_read_of_any_damaged_file_is_right(
    mutate: Callable[[bytearray, random.Random], None],
) -> None:
    """Every section that is given out is the one that was written (`recovered` compares), and few are lost."""
    kept = []
    for seed in range(300):
        data = bytearray(FILE)
        mutate(data, random.Random(seed))
        with within_limits():
            try:
                kept.append(len(SECTIONS) - len(missing(recovered(bytes(data)))))
            except BitstreamError as error:
                assert any(words in str(error) for words in ("'header' is lost", "not a .nrz", "version"))
    assert len(kept) > 150
    assert sum(kept) / len(kept) > len(SECTIONS) / 2


def nested_sections(count: int) -> bytes:
    """Each a chained header with a damaged payload that holds all the rest, and before it one that is whole."""
    rest = b""
    for index in range(count):
        name = b"%d" % index
        inner = struct.pack("<BII", len(name) + 1, len(rest), 1) + b"x" + name
        whole = struct.pack("<BII", len(name), 1, zlib.crc32(b"a")) + name
        chain = zlib.crc32(inner, 7)
        rest = whole + struct.pack("<I", 7) + b"a" + inner + struct.pack("<I", chain) + rest
    return rest


@pytest.mark.parametrize(
    "filling",
    [
        nested_sections(8000),
        struct.pack("<BII4s", 1, 200, 0, b"aaaa") * 60_000,
        b"1\1\0\0\0" * 100_000,
        b"\1\0" * 250_000,
        bytes(10**6),
        b"-" * 10**6,
    ],
)
def test_hostile_files_take_no_long_time(filling: bytes) -> None:
    with within_limits(seconds=10):
        reader = BitstreamReader(io.BytesIO(FILE[: START["frame.0000"]] + filling), recover=True)
    assert reader.read("shared") == SECTIONS["shared"]


def test_checksums_of_ranges_are_those_of_zlib() -> None:
    generator = np.random.default_rng(1)
    data = generator.bytes(70_000)
    starts = np.concatenate([generator.integers(0, len(data), 300), [0, 0, len(data), 5]])
    ends = np.concatenate(
        [starts[:300] + generator.integers(0, len(data) - starts[:300] + 1), [0, len(data), len(data), 6]]
    )
    found = crc32_of_ranges(data, starts, ends)
    assert found.tolist() == [zlib.crc32(data[start:end]) for start, end in zip(starts, ends, strict=True)]
