"""A voxel field fitted to a frame: where there is something to see, and what a basis field learns from."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.fields import VoxelField
from nerfzip.fields.basis_field import DISTANCE_SCALE
from nerfzip.geometry import Box
from nerfzip.kernels import interpolate_trilinear
from nerfzip.kernels.marching import inverse_softplus
from nerfzip.progress import track
from nerfzip.rendering.images import RAYS_PER_CHUNK
from nerfzip.sampling.occupancy import dilated_maximum

SMALLEST_DENSITY = 1e-6


@dataclass(frozen=True)
class Teacher:
    """What a voxel field says about the box of a basis field.

    Attributes:
        box: of the basis field.
        seen: voxels of the occupancy of the basis field in which a training ray sees something, or which touch such.
    """

    field: VoxelField
    box: Box
    seen: Bool[Tensor, "x y z"]

    @torch.no_grad()
    def density(self, positions: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples"]:
        """Raw, for the activation of a `BasisField` with a shift of zero.

        Args:
            positions: in [0, 1] of the box.
        """
        raw = interpolate_trilinear(self.field.density.detach(), self._to_voxels(positions))[:, 0]
        side = max(self.box.size) / self.field.geometry.final_voxel_size
        depth = torch.nn.functional.softplus(raw + self.field.shift) * side
        return inverse_softplus((depth / DISTANCE_SCALE).clamp(min=SMALLEST_DENSITY))

    @torch.no_grad()
    def colour(
        self, positions: Float[Tensor, "samples 3"], directions: Float[Tensor, "samples 3"]
    ) -> Float[Tensor, "samples 3"]:
        """RGB in [0, 1] of what is at positions in [0, 1] of the box, seen in these directions."""
        features = interpolate_trilinear(self.field.features.detach(), self._to_voxels(positions))
        return self.field.decoder(features, directions)

    def _to_voxels(self, positions: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples 3"]:
        world = positions * torch.tensor(self.box.size) + torch.tensor(self.box.minimum)
        geometry = self.field.geometry
        return (world - torch.tensor(geometry.box.minimum)) * geometry.scale(world)


@torch.no_grad()
def teacher_of(field: VoxelField, scene: Scene, resolution: tuple[int, int, int], least_weight: float) -> Teacher:
    """Look through all training cameras for samples of more than `least_weight` in their pixels' colours."""
    low, size, last = torch.tensor(scene.box.minimum), torch.tensor(scene.box.size), torch.tensor(resolution) - 1
    field_low, scale = torch.tensor(field.geometry.box.minimum), field.geometry.scale(low)
    seen = torch.zeros(resolution, dtype=torch.bool)
    cameras = scene.train.cameras
    for camera in track(range(len(cameras)), "visible voxels", len(cameras)):
        rays = cameras.image_rays(camera)
        for start in range(0, len(rays), RAYS_PER_CHUNK):
            positions, weights = field.visible_samples(rays[start : start + RAYS_PER_CHUNK])
            positions = positions[weights > least_weight]
            index = ((field_low + positions / scale - low) / size * last).round().long()
            x, y, z = torch.minimum(index.clamp(min=0), last).unbind(dim=1)
            seen[x, y, z] = True
    return Teacher(field, scene.box, dilated_maximum(seen))
