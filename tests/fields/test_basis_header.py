"""What a file says about coefficient × basis fields comes back whole; what it may not say is refused."""

import copy
import json
from typing import Any

import pytest

from nerfzip.errors import BitstreamError
from nerfzip.fields.basis_field import Shading
from nerfzip.fields.basis_geometry import BasisGeometry
from nerfzip.fields.basis_header import BasisDescription, describe, parse
from nerfzip.fields.basis_networks import NetworkSizes
from nerfzip.geometry import Box

BOX = Box((-1.0, -0.7, -0.2), (1.0, 0.3, 0.9))
GOOD = BasisDescription(
    BasisGeometry(BOX, (9, 5, 5), (4, 7), (3, 2), (1.5, 2.25), 0.013),
    NetworkSizes(16, 7, 24, 1, 2),
    (24, 12, 13),
    Shading(-3.5, 1e-3, 1e-2, 2e-2),
    (1.0, 0.5, 0.0),
    0.25,
)
HEADER: dict[str, Any] = json.loads(json.dumps(describe(GOOD)))


def test_describe_and_parse() -> None:
    assert parse(HEADER) == GOOD
    networks = parse(HEADER).new_networks()
    assert networks.sizes == GOOD.networks
    assert networks.projection[0].in_features == 5


@pytest.mark.parametrize("key", HEADER)
def test_a_missing_key_is_named(key: str) -> None:
    header = {name: value for name, value in HEADER.items() if name != key}
    with pytest.raises(BitstreamError, match=key):
        parse(header)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("box", [0, 0, 0, 1, 1]),
        ("box", [0, 0, 0, 1, 1, 0]),
        ("box", [0, 0, 0, 1, 1, float("nan")]),
        ("coefficients", [1, 5, 5]),
        ("coefficients", [9, 5, True]),
        ("bases", []),
        ("bases", [4] * 17),
        ("bases", [4, 10**6]),
        ("channels", [3]),
        ("channels", [3, 0]),
        ("frequencies", [1.5, 0]),
        ("frequencies", [1.5, "2"]),
        ("step", 0),
        ("step", 1e-5),
        ("networks", {}),
        ("occupancy", [24, 12]),
        ("occupancy", [512, 512, 512]),
        ("occupancy", [24, 12, 10**9]),
        ("shading", None),
        ("background", [0, 0, 2]),
        ("near", -1),
    ],
)
def test_an_impossible_value_is_named(key: str, value: Any) -> None:
    with pytest.raises(BitstreamError, match=rf"header\.field\.{key}"):
        parse({**HEADER, key: value})


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("networks", "colour_width", 10**6), ("networks", "appearance", 0), ("shading", "density_shift", 1e9)],
)
def test_an_impossible_value_inside_is_named(part: str, key: str, value: float) -> None:
    header = copy.deepcopy(HEADER)
    header[part][key] = value
    with pytest.raises(BitstreamError, match=key):
        parse(header)


def test_grids_that_would_fill_the_memory_are_refused() -> None:
    with pytest.raises(BitstreamError, match="values a frame, the limit is"):
        parse({**HEADER, "coefficients": [512, 512, 512]})


def test_what_could_not_be_read_again_is_not_written() -> None:
    geometry = BasisGeometry(BOX, (9, 5, 5), (4, 7), (3, 2), (1.5, 2.25), 1e-6)
    with pytest.raises(BitstreamError, match="step"):
        describe(BasisDescription(geometry, GOOD.networks, GOOD.occupancy, GOOD.shading, GOOD.background, GOOD.near))


@pytest.mark.parametrize("header", [None, [], "field", 1])
def test_something_else_than_an_object_is_refused(header: Any) -> None:
    with pytest.raises(BitstreamError, match="expected an object"):
        parse(header)
