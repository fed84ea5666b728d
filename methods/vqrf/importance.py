"""How much each voxel contributes to the training views (VQRF, Eq. 3 and 4)."""

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.fields import VoxelField
from nerfzip.geometry import Cameras
from nerfzip.kernels import splat_trilinear
from nerfzip.progress import track

CHUNK = 16384


@torch.no_grad()
def voxel_importance(field: VoxelField, cameras: Cameras) -> Float[Tensor, "x y z"]:
    """Σ of the samples' weights T_i α_i over every pixel of every view, shared among each sample's eight voxels.

    The paper's factor 1 − |v − x| is the trilinear weight (sheet vqrf.md §3.1).
    """
    total = torch.zeros_like(field.density)
    touched = torch.zeros(total.shape[:3], dtype=torch.uint8)
    for camera in track(range(len(cameras)), "importance", len(cameras)):
        rays = cameras.image_rays(camera)
        for begin in range(0, len(rays), CHUNK):
            positions, weights = field.visible_samples(rays[begin : begin + CHUNK])
            splat_trilinear(total, touched, positions, weights[:, None])
    return total[..., 0]
