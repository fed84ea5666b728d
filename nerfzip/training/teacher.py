"""A voxel field fitted to a frame, from which another field learns what is where."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.fields import VoxelField
from nerfzip.geometry import Box
from nerfzip.kernels import interpolate_trilinear
from nerfzip.progress import track
from nerfzip.sampling.occupancy import dilated_maximum

RAYS_AT_ONCE = 2**14


@dataclass(frozen=True)
class Teacher:
    """What a voxel field says of its surroundings.

    Attributes:
        seen: voxels in which a training ray sees something, or which touch such.
    """

    field: VoxelField
    seen: Bool[Tensor, "x y z"]

    @torch.no_grad()
    def density(self, positions: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples"]:
        """Optical depth per world unit, at positions in the world."""
        raw = interpolate_trilinear(self.field.density.detach(), self._to_voxels(positions))[:, 0]
        return torch.nn.functional.softplus(raw + self.field.shift) / self.field.geometry.final_voxel_size

    @torch.no_grad()
    def colour(
        self, positions: Float[Tensor, "samples 3"], directions: Float[Tensor, "samples 3"]
    ) -> Float[Tensor, "samples 3"]:
        """RGB in [0, 1] of what is at positions in the world, seen in these directions."""
        features = interpolate_trilinear(self.field.features.detach(), self._to_voxels(positions))
        return self.field.decoder(features, directions)

    def _to_voxels(self, positions: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples 3"]:
        geometry = self.field.geometry
        return (positions - torch.tensor(geometry.box.minimum)) * geometry.scale(positions)


@torch.no_grad()
def teacher_of(
    field: VoxelField, scene: Scene, box: Box, resolution: tuple[int, int, int], least_weight: float
) -> Teacher:
    """Look through all training cameras for samples of more than `least_weight` in their pixels' colours.

    Args:
        box: the centres of its corner voxels are its corners.
        resolution: voxels along x, y and z of what is seen.
    """
    low, size, last = torch.tensor(box.minimum), torch.tensor(box.size), torch.tensor(resolution) - 1
    field_low, scale = torch.tensor(field.geometry.box.minimum), field.geometry.scale(low)
    seen = torch.zeros(resolution, dtype=torch.bool)
    cameras = scene.train.cameras
    for camera in track(range(len(cameras)), "visible voxels", len(cameras)):
        rays = cameras.image_rays(camera)
        for start in range(0, len(rays), RAYS_AT_ONCE):
            positions, weights = field.visible_samples(rays[start : start + RAYS_AT_ONCE])
            positions = positions[weights > least_weight]
            index = ((field_low + positions / scale - low) / size * last).round().long()
            x, y, z = torch.minimum(index.clamp(min=0), last).unbind(dim=1)
            seen[x, y, z] = True
    return Teacher(field, dilated_maximum(seen))
