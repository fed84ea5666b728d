"""A trained volumetric video, before it is coded."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.fields import VoxelField
from nerfzip.kernels import lazy_zeros
from nerfzip.kernels.marching import density_of_alpha
from nerfzip.sampling import Occupancy


@dataclass(frozen=True)
class Frame:
    """Density and features of one frame where there is anything.

    Attributes:
        occupied: the voxels that have values.
        values: their density, above that of empty space, and features.
        motion: for each block, how far from its voxels the previous frame's lie, in voxels; none at frame 0.
    """

    occupied: Bool[Tensor, "x y z"]
    values: Float[Tensor, "voxels channels_and_1"]
    motion: Float[Tensor, "bx by bz 3"] | None

    def grid(self) -> Float[Tensor, "x y z channels_and_1"]:
        """Density above that of empty space, and features; zero where nothing is."""
        dense = lazy_zeros((*self.occupied.shape, self.values.shape[1]))
        dense[self.occupied] = self.values
        return dense


@dataclass(frozen=True)
class VideoModel:
    """All frames; `template` is a field with the shared colour network, the geometry and empty grids."""

    template: VoxelField
    frames: list[Frame]


def empty_density(field: VoxelField) -> float:
    """The raw density at which samples begin to exist: that of empty space.

    What is coded is the density above it, so that space without any code is empty (ReRF adds 4.1, about what its
    activation is shifted by).
    """
    return density_of_alpha(field.thresholds.alpha, field.shift, field.geometry.interval)


def with_grids(
    template: VoxelField, grid: Float[Tensor, "x y z channels_and_1"], occupied: Bool[Tensor, "x y z"]
) -> VoxelField:
    """A field of its own with the values of a frame, and the template's network."""
    field = empty_like(template)
    field.density.data = grid[..., :1] + empty_density(template)
    field.features.data = grid[..., 1:].contiguous()
    field.occupancy = Occupancy.of(occupied)
    return field


def empty_like(template: VoxelField) -> VoxelField:
    """A field of zeros with the template's network, which is shared."""
    return VoxelField(
        template.geometry,
        template.features.shape[-1],
        template.decoder,
        template.shading,
        template.shift,
        template.thresholds,
        template.background,
        template.near,
    )


def grids_of(field: VoxelField) -> Float[Tensor, "x y z channels_and_1"]:
    """The inverse of `with_grids`: density above that of empty space and features of the occupied voxels, else zero."""
    occupied = (field.occupancy.mask > 0)[..., None]
    above = (field.density.detach() - empty_density(field)).clamp(min=0.0)
    return torch.cat([above, field.features.detach()], dim=-1) * occupied
