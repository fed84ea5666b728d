"""A sketch of a frame: about how dense it is, and which voxels can be seen. Training starts from it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.fields import VoxelField
from nerfzip.fields.basis_field import DISTANCE_SCALE, EMPTY
from nerfzip.geometry import Box
from nerfzip.kernels import interpolate_trilinear
from nerfzip.kernels.marching import inverse_softplus
from nerfzip.progress import track
from nerfzip.rendering.images import RAYS_PER_CHUNK
from nerfzip.sampling.occupancy import dilated_maximum


@dataclass(frozen=True)
class Sketch:
    """On the voxels of the occupancy of a frame.

    Attributes:
        seen: voxels in which a training ray sees something, or which touch such a one.
        density: raw, for the activation of a `BasisField` with a shift of zero.
    """

    seen: Bool[Tensor, "x y z"]
    density: Float[Tensor, "x y z 1"]


def occupancy_resolution(box: Box, voxels: int) -> tuple[int, int, int]:
    """Of a mask with `voxels` along the longest side of a box, and voxels that are about cubes."""
    x, y, z = (max(2, round(voxels * side / max(box.size))) for side in box.size)
    return x, y, z


@torch.no_grad()
def sketch_of(field: VoxelField, scene: Scene, resolution: tuple[int, int, int]) -> Sketch:
    """What a fitted voxel field says about the voxels of a scene's box."""
    low, size, last = torch.tensor(scene.box.minimum), torch.tensor(scene.box.size), torch.tensor(resolution) - 1
    field_low, scale = torch.tensor(field.geometry.box.minimum), field.geometry.scale(low)
    seen = torch.zeros(resolution, dtype=torch.bool)
    cameras = scene.train.cameras
    for camera in track(range(len(cameras)), "visible voxels", len(cameras)):
        rays = cameras.image_rays(camera)
        for start in range(0, len(rays), RAYS_PER_CHUNK):
            positions, _ = field.visible_samples(rays[start : start + RAYS_PER_CHUNK])
            index = ((field_low + positions / scale - low) / size * last).round().long()
            x, y, z = torch.minimum(index.clamp(min=0), last).unbind(dim=1)
            seen[x, y, z] = True
    seen = dilated_maximum(seen)
    voxels = seen.nonzero()
    inside = (low + voxels / last * size - field_low) * scale
    raw = interpolate_trilinear(field.density.detach(), inside)[:, 0]
    depth = torch.nn.functional.softplus(raw + field.shift) * (max(scene.box.size) / field.geometry.final_voxel_size)
    per_scale = (depth / DISTANCE_SCALE).clamp(min=1e-6)
    density = torch.full((*resolution, 1), EMPTY)
    x, y, z = voxels.unbind(dim=1)
    density[x, y, z, 0] = inverse_softplus(per_scale)
    return Sketch(seen, density)
