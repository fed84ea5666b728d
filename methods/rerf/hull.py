"""Where in the box anything can be, as far as the foreground masks tell."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.data.scene import Views
from nerfzip.fields import VoxelGeometry
from nerfzip.geometry import Cameras


def visual_hull(views: Views, geometry: VoxelGeometry) -> Bool[Tensor, "x y z"]:
    """The voxels that no view sees beside its foreground; those out of all views' sight are kept.

    A voxel stays if the mask has any foreground within the voxel's reach around its centre's pixel.
    """
    resolution = geometry.resolution
    low, high = geometry.box.minimum, geometry.box.maximum
    axes = [torch.linspace(low[i], high[i], resolution[i]) for i in range(3)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
    left = torch.arange(len(points))
    for view in range(len(views)):
        alpha = views.rgba(view)[..., 3]
        left = left[_in_foreground(points[left], views.cameras, view, alpha, geometry.voxel_size)]
    hull = torch.zeros(len(points), dtype=torch.bool)
    hull[left] = True
    return hull.reshape(resolution)


def _in_foreground(
    points: Float[Tensor, "points 3"], cameras: Cameras, view: int, alpha: Float[Tensor, "h w"], voxel_size: float
) -> Bool[Tensor, "points"]:
    column, row, depth = cameras.project(points, view).unbind(-1)
    visible = (depth > 0) & (column >= 0) & (row >= 0) & (column < cameras.width) & (row < cameras.height)
    if not bool(visible.any()):
        return ~visible
    focal = float(cameras.intrinsics[view, :2].max())
    # Half a voxel's diagonal where it looks largest, and half a pixel.
    reach = int(0.87 * voxel_size * focal / float(depth[visible].min()) + 1.0)
    pooled = torch.nn.functional.max_pool2d(alpha[None, None], 2 * reach + 1, stride=1, padding=reach)[0, 0]
    foreground = torch.ones_like(visible)
    foreground[visible] = pooled[row[visible].long(), column[visible].long()] > 0
    return foreground
