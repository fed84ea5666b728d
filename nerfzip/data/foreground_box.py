"""The box around the foreground of a volumetric video, found from its masks."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from nerfzip.data.bounds import look_at_point
from nerfzip.data.visual_hull import Hull, Mask, carve_masks
from nerfzip.geometry import Box, Cameras

RESOLUTIONS = (32, 64)
"""Voxels along each edge of what is searched: first of all that lies between the cameras, then of what was found."""


def foreground_box(
    cameras: Cameras, moments: Iterable[tuple[str, Sequence[Mask]]], fewest_views: int, misses: int, margin: float
) -> Box:
    """The box around the visual hulls of all moments.

    Args:
        moments: how errors call each, and a mask for each camera.
        fewest_views, misses: as in `carve`.
        margin: free space on each side of the box, as a share of its size.

    Raises:
        CaptureError: a moment has no foreground, or its masks agree on no point.
    """
    region = _between_cameras(cameras)
    boxes = []
    for frame, masks in moments:
        found = region
        for resolution in RESOLUTIONS:
            hull = carve_masks(cameras, masks, found, (resolution,) * 3, fewest_views, misses, frame)
            found = occupied_box(hull, found)
        boxes.append(found)
    corners = np.array([(box.minimum, box.maximum) for box in boxes])
    return _as_box(corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)).enlarged(1 + 2 * margin)


def occupied_box(hull: Hull, box: Box) -> Box:
    """The tight box around the voxels of a hull in `box`, with their edges."""
    voxel = np.array(box.size) / (np.array(hull.shape) - 1)
    occupied = np.argwhere(hull)
    corner = np.array(box.minimum)
    return _as_box(
        corner + (occupied.min(axis=0) - 0.5) * voxel,
        corner + (occupied.max(axis=0) + 0.5) * voxel,
    )


def _between_cameras(cameras: Cameras) -> Box:
    """A cube around the point that the cameras look at (or their centroid), as far as the farthest camera."""
    positions = cameras.camera_to_world[:, :3, 3].double()
    point = look_at_point(cameras)
    centre = positions.mean(dim=0) if point is None else point
    reach = (positions - centre).norm(dim=-1).max()
    return Box.from_tensors(centre - reach, centre + reach)


def _as_box(low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]) -> Box:
    x, y, z = low.tolist()
    return Box((x, y, z), (high[0].item(), high[1].item(), high[2].item()))
