"""What a file says about a field comes back whole; what it may not say is refused before anything is allocated."""

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from nerfzip.errors import BitstreamError, ConfigError
from nerfzip.fields import ColourMLP, Shading, VoxelField, VoxelGeometry, voxel_header
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.fields.voxel_header import LARGEST_GRID_BYTES, describe, parse
from nerfzip.geometry import Box, Rays

TERABYTES = 10**13


def a_field(shading: Shading = Shading.RAY, diffuse: bool = True) -> VoxelField:
    geometry = VoxelGeometry(Box((-1.0, -0.7, -0.2), (1.0, 0.1 + 0.2, 0.9)), 0.11, 0.07, 0.9)
    decoder = ColourMLP(5, width=6, layers=3, frequencies=2, diffuse=diffuse)
    return VoxelField(geometry, 5, decoder, shading, -3.3, Thresholds(1e-3, 2e-3, 3e-3), (1.0, 0.5, 0.0), 0.25)


GOOD: dict[str, Any] = json.loads(json.dumps(describe(a_field())))


@pytest.mark.parametrize("shading", Shading)
@pytest.mark.parametrize("diffuse", [False, True])
def test_describe_and_parse(shading: Shading, diffuse: bool) -> None:
    field = a_field(shading, diffuse)
    parsed = parse(json.loads(json.dumps(describe(field))))
    rebuilt = parsed.empty_field()
    assert describe(rebuilt) == describe(field)
    attributes = ("geometry", "shading", "shift", "thresholds", "background", "near")
    assert all(getattr(rebuilt, name) == getattr(field, name) for name in attributes)
    shapes = {name: tensor.shape for name, tensor in field.state_dict().items()}
    assert {name: tensor.shape for name, tensor in rebuilt.state_dict().items()} == shapes
    assert list(parsed.shapes().items()) == list(shapes.items())
    field.density.data.normal_()
    field.features.data.normal_()
    rebuilt.load_state_dict(field.state_dict())
    rays = Rays(torch.tensor([[-3.0, 0.0, 0.1]]).repeat(2, 1), torch.tensor([[1.0, 0, 0], [0.995, 0.0995, 0]]))
    assert torch.equal(rebuilt(rays).rgb, field(rays).rgb)
    assert float(rebuilt.render(rays).opacity.max()) > 0.1


@pytest.fixture
def allocates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(*_: Any) -> None:
        raise AssertionError("a field or a network was made of a bad header")

    monkeypatch.setattr(voxel_header, "VoxelField", allocate)
    monkeypatch.setattr(voxel_header, "ColourMLP", allocate)


WRONG_TYPES = (None, "1", [], {}, True, [[1.0]], {"a": 1})
WRONG_NUMBERS = (math.nan, math.inf, -math.inf, 1e300, -1e300, 10**400, -(10**400))


@pytest.mark.parametrize("key", GOOD)
@pytest.mark.usefixtures("allocates_nothing")
def test_each_field_is_checked(key: str) -> None:
    with pytest.raises(BitstreamError, match=rf"field\.{key}"):
        parse({name: value for name, value in GOOD.items() if name != key})
    value = GOOD[key]
    bad = [*WRONG_TYPES, *WRONG_NUMBERS]
    if isinstance(value, list):
        bad += [value[:-1], [*value, value[-1]], [*value[:-1], None], [str(item) for item in value], value[0]]
        bad += [[*value[:place], wrong, *value[place + 1 :]] for place in range(len(value)) for wrong in WRONG_NUMBERS]
    for wrong in bad:
        with pytest.raises(BitstreamError, match=r"field\."):
            parse(GOOD | {key: wrong})


@pytest.mark.parametrize(
    "change",
    [
        {"voxel_size": 0.0},
        {"voxel_size": -0.1},
        {"voxel_size": 0.02},  # another resolution than stated
        {"voxel_size": 1e-5, "resolution": [200000, 100000, 110000]},
        {"voxel_size": 1e-9, "resolution": [TERABYTES, TERABYTES, TERABYTES]},
        # A thread: two voxels thick, however thin the box is.
        {"box": [0.0, 0.0, 0.0, 1e6, 1e-6, 1e-6], "voxel_size": 1e-3, "resolution": [10**9, 2, 2]},
        {"box": [0.0, 0.0, 0.0, 1e6, 1e-300, 1e-300], "voxel_size": 1e-9, "resolution": [10**15, 2, 2]},
        {"box": [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], "resolution": [2, 2, 2]},
        {"box": [0.0] * 6, "resolution": [2, 2, 2]},
        {"channels": 0},
        {"channels": 65},
        {"channels": 2},  # fewer than the diffuse colour needs
        {"shading": "both"},
        {"decoder": [257, 2, 2, 0]},
        {"decoder": [0, 2, 2, 0]},
        {"decoder": [8, 0, 2, 0]},
        {"decoder": [8, 9, 2, 0]},
        {"decoder": [8, 2, 17, 0]},
        {"decoder": [8, 2, 2, 2]},
        {"thresholds": [1.1, 0.0, 0.0]},
        {"background": [0.0, 0.0, 1.1]},
        {"near": -1.0},
        {"shift": 1e3},
        # What only rendering would notice: no density has this opacity, or a ray of billions of steps.
        {"thresholds": [1.0, 0.0, 0.0]},
        {"thresholds": [0.5, 0.0, 0.0], "final_voxel_size": 1e5},
        {"thresholds": [5e-324, 0.0, 0.0], "step_ratio": 1e3},
        {"step_ratio": 1e-9},
    ],
)
@pytest.mark.usefixtures("allocates_nothing")
def test_beyond_the_limits(change: dict[str, Any]) -> None:
    with pytest.raises(BitstreamError, match=r"field\."):
        parse(GOOD | change)


@pytest.mark.parametrize("fields", [None, [], "field", 3, [GOOD]])
def test_no_object_at_all(fields: Any) -> None:
    with pytest.raises(BitstreamError, match="field: expected an object"):
        parse(fields)


def test_the_published_grid_is_within_the_limit_and_a_few_bytes_more_are_not() -> None:
    """160³ voxels of 12 features (DVGO), and the largest cube of one feature."""
    cube = {"box": [0.0] * 3 + [160.0] * 3, "voxel_size": 1.0, "final_voxel_size": 1.0, "resolution": [160] * 3}
    assert parse(GOOD | cube | {"channels": 12}).shapes()["features"] == (160, 160, 160, 12)
    size = int((LARGEST_GRID_BYTES / 8) ** (1 / 3))
    fields = GOOD | {"channels": 1, "decoder": [8, 1, 2, 0], "voxel_size": 1.0, "final_voxel_size": 1.0}
    parse(fields | {"box": [0.0] * 3 + [float(size)] * 3, "resolution": [size] * 3})
    with pytest.raises(BitstreamError, match=r"field\.box: .* voxels of 1 features, expected at most 512 MiB"):
        parse(fields | {"box": [0.0] * 3 + [size + 1.0] * 3, "resolution": [size + 1] * 3})


def with_network(**sizes: int) -> Callable[[VoxelField], None]:
    def change(field: VoxelField) -> None:
        field.decoder = ColourMLP(5, **({"width": 6, "layers": 3, "frequencies": 2} | sizes))

    return change


def with_geometry(**changes: float) -> Callable[[VoxelField], None]:
    def change(field: VoxelField) -> None:
        field.geometry = dataclasses.replace(field.geometry, **changes)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_network(width=2048), "width 2048, expected 1 to 256"),
        (with_network(layers=9), "hidden_layers 9, expected 1 to 8"),
        (with_network(frequencies=17), "frequencies 17, expected 0 to 16"),
        (with_geometry(voxel_size=1e-3), "voxels of 5 features, expected at most 512 MiB"),
        (with_geometry(step_ratio=1e-4), "step_ratio: rays of .* steps, expected at most 8192"),
        (with_geometry(step_ratio=1e7), "step_ratio: 10000000"),
        (lambda field: setattr(field, "shift", -1e3), "shift: -1000"),
        (lambda field: setattr(field, "shift", math.nan), "shift: nan"),
        (lambda field: setattr(field, "near", math.inf), "near: inf"),
        (lambda field: setattr(field, "background", (0.0, 0.0, 2.0)), "background: "),
        (lambda field: setattr(field, "thresholds", Thresholds(1.0, 0.0, 0.0)), "thresholds: no density"),
    ],
)
def test_what_could_not_be_read_is_not_written(change: Callable[[VoxelField], None], message: str) -> None:
    field = a_field()
    change(field)
    with pytest.raises(ConfigError, match=rf"a file can't hold this field: field\.(\w+: )?.*{message}"):
        describe(field)


def test_describing_a_field_draws_no_random_numbers() -> None:
    field = a_field()
    before = torch.random.get_rng_state()
    describe(field)
    assert torch.equal(torch.random.get_rng_state(), before)
