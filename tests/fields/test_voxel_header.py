"""What a file says about a field comes back whole; what it may not say is refused before anything is allocated."""

import json
import math
from typing import Any

import pytest
import torch

from nerfzip.errors import BitstreamError
from nerfzip.fields import ColourMLP, Shading, VoxelField, VoxelGeometry, voxel_header
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.fields.voxel_header import describe, rebuild
from nerfzip.geometry import Box, Rays

TERABYTES = 10**13


def a_field(shading: Shading = Shading.RAY, diffuse: bool = True) -> VoxelField:
    geometry = VoxelGeometry(Box((-1.0, -0.7, -0.2), (1.0, 0.1 + 0.2, 0.9)), 0.11, 0.07, 0.9)
    decoder = ColourMLP(5, width=6, layers=3, frequencies=2, diffuse=diffuse)
    return VoxelField(geometry, 5, decoder, shading, -3.3, Thresholds(1e-3, 2e-3, 3e-3), (1.0, 0.5, 0.0), 0.25)


GOOD: dict[str, Any] = json.loads(json.dumps(describe(a_field())))


@pytest.mark.parametrize("shading", Shading)
@pytest.mark.parametrize("diffuse", [False, True])
def test_describe_and_rebuild(shading: Shading, diffuse: bool) -> None:
    field = a_field(shading, diffuse)
    rebuilt = rebuild(json.loads(json.dumps(describe(field))))
    assert describe(rebuilt) == describe(field)
    attributes = ("geometry", "shading", "shift", "thresholds", "background", "near")
    assert all(getattr(rebuilt, name) == getattr(field, name) for name in attributes)
    shapes = {name: tensor.shape for name, tensor in field.state_dict().items()}
    assert {name: tensor.shape for name, tensor in rebuilt.state_dict().items()} == shapes
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


WRONG_TYPES = (None, "1", [], {}, True, [[1.0]], {"a": 1})
WRONG_NUMBERS = (math.nan, math.inf, -math.inf, 1e300, -1e300, 10**400, -(10**400))


@pytest.mark.parametrize("key", GOOD)
@pytest.mark.usefixtures("allocates_nothing")
def test_each_field_is_checked(key: str) -> None:
    with pytest.raises(BitstreamError, match=rf"field\.{key}"):
        rebuild({name: value for name, value in GOOD.items() if name != key})
    value = GOOD[key]
    bad = [*WRONG_TYPES, *WRONG_NUMBERS]
    if isinstance(value, list):
        bad += [value[:-1], [*value, value[-1]], [*value[:-1], None], [str(item) for item in value], value[0]]
        bad += [[*value[:place], wrong, *value[place + 1 :]] for place in range(len(value)) for wrong in WRONG_NUMBERS]
    for wrong in bad:
        with pytest.raises(BitstreamError, match=r"field\."):
            rebuild(GOOD | {key: wrong})


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
        {"decoder": [1025, 2, 2, 0]},
        {"decoder": [0, 2, 2, 0]},
        {"decoder": [8, 0, 2, 0]},
        {"decoder": [8, 17, 2, 0]},
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
        rebuild(GOOD | change)


@pytest.mark.parametrize("fields", [None, [], "field", 3, [GOOD]])
def test_no_object_at_all(fields: Any) -> None:
    with pytest.raises(BitstreamError, match="field: expected an object"):
        rebuild(fields)
