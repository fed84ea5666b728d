"""Damaged and hostile files: each raises BitstreamError or gives the same content, within bounded memory."""

import contextlib
import random
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from decode_limits import within_limits

from nerfzip.bitstream import pack, unpack
from nerfzip.errors import BitstreamError

_noise = np.random.default_rng(0)
FILE = pack(
    "demo",
    {"size": [4, 5, 6], "scale": 0.1, "settings": {f"key_{index}": index / 7 for index in range(20)}},
    {"empty": b"", "short": b"abc", "noise": _noise.bytes(2000), "zeros": bytes(500)},
    bytes(range(16)),
)
MEMORY_LIMIT = 8 * 2**20


def outcome(data: bytes) -> str:
    with within_limits():
        try:
            content = unpack(data)
        except BitstreamError as error:
            assert str(error)
            return "refused"
    assert content == unpack(FILE)
    return "equal"


def flip_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.choice([1, 4, 30, len(data)])]


def insert(data: bytearray, chance: random.Random) -> None:
    position = chance.randrange(len(data) + 1)
    data[position:position] = chance.randbytes(chance.choice([1, 4, 30]))


def overwrite(data: bytearray, chance: random.Random) -> None:
    position = chance.randrange(len(data) - 8)
    size = chance.choice([1, 2, 4, 8])
    data[position : position + size] = chance.choice([b"\xff", b"\x00", b"\x7f"]) * size


def repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randint(1, 200)]


@pytest.mark.parametrize("mutate", [flip_bits, cut, insert, overwrite, repeat])
def test_random_damage(mutate: Callable[[bytearray, random.Random], None]) -> None:
    tracemalloc.start()
    outcomes = []
    for seed in range(400):
        data = bytearray(FILE)
        mutate(data, random.Random(seed))
        outcomes.append(outcome(bytes(data)) if data != FILE else "equal")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY_LIMIT
    assert outcomes.count("refused") > 380


def repaired(data: bytearray) -> bytes:
    """Recompute each checksum that can be reached by walking the announced lengths."""
    checksum = zlib.crc32(data[:9])
    offset = 9
    while offset + 9 <= len(data):
        name_length = data[offset]
        length = int.from_bytes(data[offset + 1 : offset + 5], "little")
        payload_start = offset + 9 + name_length + 4
        payload_checksum = zlib.crc32(data[payload_start : payload_start + length])
        data[offset + 5 : offset + 9] = payload_checksum.to_bytes(4, "little")
        checksum = zlib.crc32(data[offset : offset + 9 + name_length], checksum)
        data[offset + 9 + name_length : payload_start] = checksum.to_bytes(4, "little")
        offset = payload_start + length
    return bytes(data)


def test_repairing_an_undamaged_file_changes_nothing() -> None:
    assert repaired(bytearray(FILE)) == FILE


@pytest.mark.parametrize("mutate", [flip_bits, cut, insert, overwrite, repeat])
def test_damage_under_right_checksums(mutate: Callable[[bytearray, random.Random], None]) -> None:
    """A forged file may decode to other content, but never crashes, hangs or asks for much memory."""
    tracemalloc.start()
    for seed in range(300):
        chance = random.Random(seed)
        data = bytearray(FILE)
        head = bytearray(data[: chance.choice([60, len(data)])])  # half of the time among the first section's bytes
        rest = data[len(head) :]
        mutate(head, chance)
        forged = repaired(head + rest)
        with within_limits(), contextlib.suppress(BitstreamError):
            unpack(forged)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY_LIMIT
