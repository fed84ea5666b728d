"""Cameras on a circle around a box, for a look at a file without its capture."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.geometry import Box, Cameras

MARGIN = 1.05
"""Of the distance, so that the box does not touch the images' borders."""


def orbit_cameras(
    box: Box,
    views: int,
    width: int,
    height: int,
    elevation: float = 30.0,
    field_of_view: float = 40.0,
    up: str = "z",
) -> Cameras:
    """Cameras that look at the centre of a box from equal angles around an axis, which points up in their images.

    Args:
        up: that axis of the world: "x", "y" or "z", or with a minus before it the opposite direction.
        elevation: of the cameras above the horizontal plane, degrees.
        field_of_view: across the shorter side of the image, degrees. The box just fits into every view.
    """
    centre = torch.tensor([(low + high) / 2 for low, high in zip(box.minimum, box.maximum, strict=True)])
    azimuth = torch.arange(views) * (2 * math.pi / views)
    tilt = math.radians(elevation)
    to_world = _axes(up)
    outwards = torch.stack(
        [azimuth.cos() * math.cos(tilt), azimuth.sin() * math.cos(tilt), torch.full((views,), math.sin(tilt))], dim=-1
    )
    outwards = outwards @ to_world
    forward = -outwards
    right = torch.stack([-azimuth.sin(), azimuth.cos(), torch.zeros(views)], dim=-1) @ to_world
    down = torch.linalg.cross(forward, right)
    focal = min(width, height) / 2 / math.tan(math.radians(field_of_view / 2))
    corners = torch.cartesian_prod(*torch.tensor([box.minimum, box.maximum]).T) - centre
    sideways = 2 * focal / width * (right @ corners.T).abs()
    upwards = 2 * focal / height * (down @ corners.T).abs()
    distance = MARGIN * float((torch.maximum(sideways, upwards) - forward @ corners.T).max())
    poses = torch.eye(4).repeat(views, 1, 1)
    poses[:, :3] = torch.stack([right, down, forward, centre + distance * outwards], dim=-1)
    intrinsics = torch.tensor([focal, focal, width / 2, height / 2]).repeat(views, 1)
    return Cameras(poses, intrinsics, width, height)


def _axes(up: str) -> Float[Tensor, "3 3"]:
    """Of a right-handed frame whose third axis is `up`, one a row, in the world."""
    axis, sign = "xyz".index(up[-1]), -1.0 if up.startswith("-") else 1.0
    axes = torch.eye(3).roll(axis + 1, dims=1)
    # To turn the third axis round, and not its images into mirror images, the first turns round too.
    return axes * torch.tensor([[sign], [1.0], [sign]])
