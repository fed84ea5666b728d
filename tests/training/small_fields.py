"""A small voxel field, and cameras around it whose images are what a given field shows."""

import torch
from torch import Tensor, nn

from nerfzip.fields import DirectColour, Shading, VoxelField, VoxelGeometry
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.geometry import Box, Cameras
from nerfzip.rendering.images import render_image
from nerfzip.rendering.orbit import orbit_cameras

BOX = Box((-1.0, -0.8, -0.9), (1.0, 1.0, 0.7))
WHITE = (1.0, 1.0, 1.0)


def small_field(
    voxel_size: float = 0.2, box: Box = BOX, thresholds: Thresholds | None = None, decoder: nn.Module | None = None
) -> VoxelField:
    """Densities and features of zero, of which nothing is hidden by a threshold."""
    geometry = VoxelGeometry(box, voxel_size, final_voxel_size=0.1, step_ratio=0.5)
    limits = thresholds or Thresholds(0.0, 0.0, 0.0)
    return VoxelField(geometry, 3, decoder or DirectColour(), Shading.SAMPLE, -3.0, limits, WHITE, near=0.1)


def cameras_around(views: int = 6, width: int = 12, height: int = 10) -> Cameras:
    return orbit_cameras(BOX, views, width, height)


def images_of(field: VoxelField, cameras: Cameras) -> Tensor:
    """uint8 [views, height, width, 3]."""
    images = [render_image(field, cameras, index) for index in range(len(cameras))]
    return (torch.stack(images) * 255).round().to(torch.uint8)
