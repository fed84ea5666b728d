"""Ways to damage a file, and values that no header should hold: what decoders are tested with."""

import copy
import random
from collections.abc import Iterator
from typing import Any


def flip_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 1, 2, 50])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.choice([1, 4, 300, len(data)])]


def swap(data: bytearray, chance: random.Random) -> None:
    size = chance.randint(1, len(data) // 4)
    first, second = chance.randrange(len(data) - size), chance.randrange(len(data) - size)
    moved = data[first : first + size]
    data[first : first + size] = data[second : second + size]
    data[second : second + size] = moved


def blank(data: bytearray, chance: random.Random) -> None:
    start, size = chance.randrange(len(data)), chance.choice([1, 8, 300])
    length = len(data[start : start + size])
    data[start : start + size] = chance.choice([b"\x00", b"\xff"]) * length


def insert(data: bytearray, chance: random.Random) -> None:
    position = chance.randrange(len(data) + 1)
    data[position:position] = chance.randbytes(chance.choice([1, 4, 300]))


MUTATIONS = [flip_bits, cut, swap, blank, insert]

WEIRD = (
    None,
    True,
    "",
    "float16",
    [],
    {},
    [[]],
    -1,
    0,
    1,
    2,
    1.5,
    -1e-300,
    1e-300,
    1e300,
    2**31,
    2**63,
    10**30,
    [2**40] * 3,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """All (container, key) in nested lists and objects."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(value, key), *places(inner)]]


def hostile(value: Any, chance: random.Random) -> Any:
    """Half of the time plausible: another number of the same type."""
    if type(value) in (int, float) and chance.random() < 0.5:
        factor = chance.choice([-1, 2, 3, 50, 1000])
        return value * factor if chance.random() < 0.5 else type(value)(value / factor)
    return chance.choice(WEIRD)


def spoiled_headers(header: dict[str, Any], values: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each value in turn becomes something weird, so many times, or is left out, which the second item says."""
    for number in range(len(places(header))):
        for weird in [*random.Random(number).sample(WEIRD, values), "left out"]:
            spoiled = copy.deepcopy(header)
            container, key = places(spoiled)[number]
            if weird == "left out":
                del container[key]
            else:
                container[key] = weird
            yield spoiled, weird == "left out"


def hostile_headers(header: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """In each, several values are hostile at once."""
    for seed in range(count):
        chance = random.Random(seed)
        spoiled = copy.deepcopy(header)
        for container, key in chance.sample(places(spoiled), chance.randint(2, 5)):
            container[key] = hostile(container[key], chance)
        yield spoiled
