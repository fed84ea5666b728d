"""Which voxels of a frame can be seen: where its rays are sampled, in training and after decoding."""

import torch
from jaxtyping import Bool
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.fields import VoxelField
from nerfzip.geometry import Box
from nerfzip.progress import track
from nerfzip.rendering.images import RAYS_PER_CHUNK
from nerfzip.sampling.occupancy import dilated_maximum


def occupancy_resolution(box: Box, voxels: int) -> tuple[int, int, int]:
    """Of a mask with `voxels` along the longest side of a box, and voxels that are about cubes."""
    x, y, z = (max(2, round(voxels * side / max(box.size))) for side in box.size)
    return x, y, z


@torch.no_grad()
def visible_voxels(field: VoxelField, scene: Scene, resolution: tuple[int, int, int]) -> Bool[Tensor, "x y z"]:
    """Voxels of the scene's box in which a training ray sees something of a fitted field, or which touch such a one."""
    low, size = torch.tensor(scene.box.minimum), torch.tensor(scene.box.size)
    field_low = torch.tensor(field.geometry.box.minimum)
    spacing = 1 / field.geometry.scale(low)
    last = torch.tensor(resolution) - 1
    seen = torch.zeros(resolution, dtype=torch.bool)
    cameras = scene.train.cameras
    for camera in track(range(len(cameras)), "visible voxels", len(cameras)):
        rays = cameras.image_rays(camera)
        for start in range(0, len(rays), RAYS_PER_CHUNK):
            positions, _ = field.visible_samples(rays[start : start + RAYS_PER_CHUNK])
            index = ((field_low + positions * spacing - low) / size * last).round().long()
            x, y, z = torch.minimum(index.clamp(min=0), last).unbind(dim=1)
            seen[x, y, z] = True
    return dilated_maximum(seen)
