"""Moving a voxel field to another resolution, or a smaller box."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.fields import VoxelField, VoxelGeometry
from nerfzip.kernels import interpolate_trilinear
from nerfzip.sampling.occupancy import Occupancy, dilated_maximum


def old_positions(old: VoxelGeometry, new: VoxelGeometry) -> list[Float[Tensor, "size"]]:
    """For each axis, where the new voxels lie in the old grid, in old voxels."""
    result = []
    for axis in range(3):
        world = torch.linspace(new.box.minimum[axis], new.box.maximum[axis], new.resolution[axis])
        scale = (old.resolution[axis] - 1) / old.box.size[axis]
        result.append((world - old.box.minimum[axis]) * scale)
    return result


def resample_mask(mask: Bool[Tensor, "x y z"], positions: list[Float[Tensor, "size"]]) -> Bool[Tensor, "x y z"]:
    """A new voxel is set if any old voxel is that it borders on or overlaps; outside, the border's voxels count."""
    for axis, position in enumerate(positions):
        spacing = float(position[1] - position[0])
        reach = max(1.0, (1 + spacing) / 2)
        last = mask.shape[axis] - 1
        first = ((position - reach).floor().long() + 1).clamp(0, last)
        behind = (position + reach).ceil().long().clamp(1, last + 1)
        running = torch.nn.functional.pad(mask.movedim(axis, -1), (1, 0)).cumsum(-1, dtype=torch.int32)
        mask = (running[..., behind] > running[..., first]).movedim(-1, axis)
    return mask


@torch.no_grad()
def grow(field: VoxelField, geometry: VoxelGeometry, mask: Bool[Tensor, "x y z"]) -> VoxelField:
    """The field with new voxels, interpolated from the old ones, sampled where `mask` (of the old grid) allows.

    Only voxels that a sample can touch are interpolated; the others stay zero.
    """
    grown = VoxelField(
        geometry,
        field.features.shape[-1],
        field.decoder,
        field.shading,
        field.shift,
        field.thresholds,
        field.background,
        field.near,
    )
    along = old_positions(field.geometry, geometry)
    occupied = resample_mask(mask, along)
    voxels = dilated_maximum(occupied).nonzero()
    positions = torch.stack([axis[voxels[:, i]] for i, axis in enumerate(along)], dim=-1)
    index = voxels.unbind(-1)
    grown.density.data[index] = interpolate_trilinear(field.density, positions)
    grown.features.data[index] = interpolate_trilinear(field.features, positions)
    grown.occupancy = Occupancy.of(occupied)
    return grown
