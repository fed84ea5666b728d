"""Growth keeps what the field shows: values, opacity for each world unit, occupied voxels."""

from dataclasses import replace

import pytest
import torch
from small_fields import BOX, small_field
from torch import Tensor

from nerfzip.fields import VoxelField
from nerfzip.geometry import Box, Rays
from nerfzip.sampling import Occupancy
from nerfzip.training.growth import grow, old_positions, resample_mask

SMALLER = Box((-0.55, -0.7, -0.3), (0.6, 0.9, 0.65))


def centres(field: VoxelField) -> Tensor:
    """World positions of the voxels [X, Y, Z, 3], by way of the field's own map from world to voxels."""
    index = torch.stack(torch.meshgrid(*map(torch.arange, field.geometry.resolution), indexing="ij"), dim=-1)
    return torch.tensor(field.box.minimum) + index / field.geometry.scale(torch.zeros(3))


def fill_linearly(field: VoxelField) -> None:
    field.density.data[..., 0] = linear(centres(field))[..., 0]
    field.features.data = linear(centres(field))


def linear(points: Tensor) -> Tensor:
    matrix = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.1, -1.0], [2.0, 0.0, 0.7]])
    return points @ matrix + torch.tensor([0.5, -0.2, 0.1])


@pytest.mark.parametrize("box", [BOX, SMALLER])
@pytest.mark.parametrize("voxel_size", [0.1, 0.17, 0.2, 0.31])
def test_a_linear_field_stays_linear(box: Box, voxel_size: float) -> None:
    field = small_field()
    fill_linearly(field)
    geometry = replace(field.geometry, box=box, voxel_size=voxel_size)
    grown = grow(field, geometry, field.occupancy.mask > 0)
    assert grown.geometry == geometry
    assert grown.features.shape[:3] == geometry.resolution
    expected = linear(centres(grown))
    torch.testing.assert_close(grown.features.data, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(grown.density.data[..., 0], expected[..., 0], atol=1e-5, rtol=0)
    assert bool(grown.occupancy.mask.all())


def test_a_world_unit_stays_as_opaque() -> None:
    field = small_field()
    field.density.data.fill_(1.0)
    grown = grow(field, replace(field.geometry, voxel_size=0.1), field.occupancy.mask > 0)
    ray = Rays(torch.tensor([[-4.0, 0.1, 0.0]]), torch.tensor([[1.0, 0, 0]]))
    torch.testing.assert_close(grown.render(ray).opacity, field.render(ray).opacity, atol=1e-5, rtol=0)
    assert 0.1 < float(grown.render(ray).opacity) < 0.99


def test_what_does_not_depend_on_the_grid_stays() -> None:
    field = small_field()
    grown = grow(field, replace(field.geometry, voxel_size=0.1), field.occupancy.mask > 0)
    assert grown.decoder is field.decoder
    for name in ("shading", "shift", "thresholds", "background", "near"):
        assert getattr(grown, name) == getattr(field, name)


@pytest.mark.parametrize("box", [BOX, SMALLER])
@pytest.mark.parametrize("voxel_size", [0.08, 0.13, 0.2, 0.27, 0.41, 0.63])
def test_no_place_that_was_occupied_gets_lost(box: Box, voxel_size: float) -> None:
    """At random points of the new box, the nearest old voxel being set implies the nearest new one."""
    field = small_field()
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(field.geometry.resolution, generator=generator) < 0.05
    geometry = replace(field.geometry, box=box, voxel_size=voxel_size)
    grown = grow(field, geometry, mask)
    low, high = torch.tensor(box.minimum), torch.tensor(box.maximum)
    points = low + torch.rand(20000, 3, generator=generator) * (high - low)

    def is_set(owner: VoxelField, occupied: Tensor) -> Tensor:
        nearest = ((points - torch.tensor(owner.box.minimum)) * owner.geometry.scale(points)).round().long()
        return occupied[nearest.unbind(-1)]

    was, now = is_set(field, mask), is_set(grown, grown.occupancy.mask > 0)
    assert 100 < int(was.sum()) < 5000
    assert not bool((was & ~now).any())
    if voxel_size < 0.15:
        assert float(now.float().mean()) < 0.6  # and it does not just set everything


def test_a_mask_resampled_by_hand() -> None:
    mask = torch.zeros(5, 1, 1, dtype=torch.bool)
    mask[2] = True
    still = torch.zeros(2)
    positions = torch.tensor([0.0, 0.9, 1.0, 1.1, 1.9, 2.0, 2.9, 3.0, 3.1])
    found = resample_mask(mask, [positions, still, still])[:, 0, 0]
    assert found.tolist() == [False, False, False, True, True, True, True, False, False]


def test_voxels_outside_the_mask_are_only_filled_where_samples_touch_them() -> None:
    field = small_field()
    fill_linearly(field)
    mask = torch.zeros(field.geometry.resolution, dtype=torch.bool)
    mask[5, 4, 4] = True
    grown = grow(field, replace(field.geometry, voxel_size=0.1), mask)
    occupied = (grown.occupancy.mask > 0).nonzero()
    filled = grown.features.data.abs().sum(dim=-1) > 0
    for offset in torch.cartesian_prod(*[torch.tensor([-1, 0, 1])] * 3):
        assert bool(filled[(occupied + offset).unbind(-1)].all())
    assert float(filled.float().mean()) < 0.1


def test_old_positions_of_the_same_grid_are_its_indices() -> None:
    geometry = small_field().geometry
    for axis, positions in enumerate(old_positions(geometry, geometry)):
        torch.testing.assert_close(positions, torch.arange(geometry.resolution[axis]).float(), atol=1e-5, rtol=0)


def test_growing_an_empty_field_keeps_it_empty() -> None:
    field = small_field()
    grown = grow(field, replace(field.geometry, voxel_size=0.1), torch.zeros(field.geometry.resolution).bool())
    assert not bool(grown.occupancy.mask.any())
    assert isinstance(grown.occupancy, Occupancy)
