"""Where a scene lies, as far as its cameras tell: box, near and far."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.geometry import Box, Cameras

PARALLEL = 1e-3
"""Below this share of the largest eigenvalue, optical axes count as parallel: about 3° between them."""


def distance_range(positions: Float[Tensor, "cameras 3"], box: Box) -> tuple[float, float]:
    """Distances from the camera that is nearest to the box (0 inside it), and from the one farthest from a corner."""
    low, high = positions.new_tensor(box.minimum), positions.new_tensor(box.maximum)
    nearest = (torch.maximum(low - positions, positions - high).clamp(min=0)).norm(dim=-1).min()
    farthest = torch.maximum((positions - low).abs(), (positions - high).abs()).norm(dim=-1).max()
    return float(nearest), float(farthest)


def look_at_point(cameras: Cameras) -> Float[Tensor, "3"] | None:
    """The point nearest to all optical axes (least squares), in float64.

    None where there is no such point in front of all cameras: axes that are parallel or point apart.
    """
    poses = cameras.camera_to_world.double()
    axes, positions = poses[:, :3, 2], poses[:, :3, 3]
    across = torch.eye(3, dtype=torch.float64) - axes[:, :, None] * axes[:, None, :]
    total = across.sum(dim=0)
    eigenvalues = torch.linalg.eigvalsh(total)
    if eigenvalues[0] < PARALLEL * eigenvalues[-1]:
        return None
    point = torch.linalg.solve(total, (across @ positions[:, :, None]).sum(dim=0)[:, 0])
    return point if bool((depths(cameras, point) > 0).all()) else None


def depths(cameras: Cameras, point: Float[Tensor, "3"]) -> Float[Tensor, "cameras"]:
    """Depth of one point along each camera's z axis, world units."""
    poses = cameras.camera_to_world.double()
    return ((point - poses[:, :3, 3]) * poses[:, :3, 2]).sum(dim=-1)


def box_of_sight(cameras: Cameras, point: Float[Tensor, "3"]) -> Box:
    """The box around what every camera sees at the depth of `point`: the corners of its image, put at that depth."""
    poses = cameras.camera_to_world.double()
    fx, fy, cx, cy = cameras.intrinsics.double().unbind(-1)
    depth = depths(cameras, point)
    corners = []
    for column, row in itertools.product((0, cameras.width), (0, cameras.height)):
        local = torch.stack([(column - cx) / fx, (row - cy) / fy, torch.ones_like(fx)], dim=-1) * depth[:, None]
        corners.append((poses[:, :3, :3] @ local[:, :, None])[:, :, 0] + poses[:, :3, 3])
    seen = torch.cat(corners)
    return Box.from_tensors(seen.amin(dim=0), seen.amax(dim=0))
