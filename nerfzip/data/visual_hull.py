"""What the silhouettes of one moment leave of a box: the visual hull (Laurentini 1994), carved voxel by voxel."""

import math
from collections.abc import Iterable

import numba
import numpy as np
from jaxtyping import Bool, Int

from nerfzip.data.compile import inner, kernel
from nerfzip.data.scene import Views
from nerfzip.data.vectors import minus, rotate_back
from nerfzip.errors import CaptureError
from nerfzip.geometry import Box, Cameras

Mask = Bool[np.ndarray, "height width"]
Hull = Bool[np.ndarray, "x y z"]
Resolution = tuple[int, int, int]

FOREGROUND_ALPHA = 0.1
"""Alpha above which a pixel shows something. Low: a thin thing fills only a part of the pixels that it crosses."""


def carve(
    views: Views,
    box: Box,
    resolution: Resolution,
    fewest_views: int,
    misses: int = 0,
    alpha: float = FOREGROUND_ALPHA,
    frame: str = "the frame",
) -> Hull:
    """The voxels of `box` that the foreground of `views` may fill.

    A voxel stays if its circumscribed ball meets the foreground in all views whose image holds its centre, but at most
    `misses`, and if there are at least `fewest_views` such views. With exact silhouettes and no misses nothing that is
    there is carved away, however thin.

    Args:
        views: all of one moment; their alpha says what is foreground.
        box: the centres of its corner voxels are its corners.
        resolution: voxels along x, y and z, at least 2 each.
        alpha: a pixel is foreground above this.
        frame: how error messages call this moment.

    Raises:
        CaptureError: no pixel is foreground, or no voxel is left.
    """
    masks = (views.rgba(index)[..., 3].cpu().numpy() > alpha for index in range(len(views)))
    return carve_masks(views.cameras, masks, box, resolution, fewest_views, misses, frame)


def carve_masks(
    cameras: Cameras,
    masks: Iterable[Mask],
    box: Box,
    resolution: Resolution,
    fewest_views: int,
    misses: int = 0,
    frame: str = "the frame",
) -> Hull:
    """`carve` with a mask for each camera, in their order."""
    corner = np.array(box.minimum)
    voxel = np.array(box.size) / (np.array(resolution) - 1)
    seen, missed = np.zeros(resolution, dtype=np.int32), np.zeros(resolution, dtype=np.int32)
    any_foreground = False
    for index, mask in enumerate(masks):
        any_foreground |= bool(mask.any())
        pose = cameras.camera_to_world[index].double().cpu().numpy()
        intrinsics = cameras.intrinsics[index].double().cpu().numpy()
        _look(_summed_area(mask), pose, intrinsics, corner, voxel, misses, seen, missed)
    if not any_foreground:
        raise CaptureError(f"{frame}: the masks of all {len(cameras)} cameras are empty, expected something to see")
    hull = (seen >= fewest_views) & (missed <= misses)
    if not hull.any():
        raise CaptureError(
            f"{frame}: the masks agree on no point of the box from {box.minimum} to {box.maximum}; expected foreground "
            f"that at least {fewest_views} cameras see and at most {misses} of them miss"
        )
    return hull


def _summed_area(mask: Mask) -> Int[np.ndarray, "height+1 width+1"]:
    """How many pixels are foreground above and to the left of each pixel's corner."""
    table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=np.int32)
    np.cumsum(mask, axis=0, out=table[1:, 1:])
    np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
    return table


@inner
def _ball_extent(across: float, depth: float, radius: float) -> tuple[float, float]:
    """Between which tangents, at depth 1, a camera sees a ball; it lies at `across` along one axis of the image."""
    middle = across * depth
    half = radius * math.sqrt(across * across + depth * depth - radius * radius)
    scale = 1.0 / (depth * depth - radius * radius)
    return (middle - half) * scale, (middle + half) * scale


@kernel
def _look(
    table: np.ndarray,
    pose: np.ndarray,
    intrinsics: np.ndarray,
    corner: np.ndarray,
    voxel: np.ndarray,
    misses: int,
    seen: np.ndarray,
    missed: np.ndarray,
) -> None:
    """Count, in `seen` and `missed`, the voxels that one camera sees and those that it sees no foreground in.

    Voxels that have more misses than allowed are lost already and left alone.
    """
    height, width = table.shape[0] - 1, table.shape[1] - 1
    fx, fy, cx, cy = intrinsics
    position = (pose[0, 3], pose[1, 3], pose[2, 3])
    radius = 0.5 * math.sqrt(voxel[0] ** 2 + voxel[1] ** 2 + voxel[2] ** 2)
    for i in numba.prange(seen.shape[0]):
        for j in range(seen.shape[1]):
            for k in range(seen.shape[2]):
                if missed[i, j, k] > misses:
                    continue
                world = (corner[0] + i * voxel[0], corner[1] + j * voxel[1], corner[2] + k * voxel[2])
                x, y, z = rotate_back(pose, minus(world, position))
                if z <= radius:
                    continue
                column, row = x / z * fx + cx, y / z * fy + cy
                if not (0.0 <= column < width and 0.0 <= row < height):
                    continue
                seen[i, j, k] += 1
                left, right = _ball_extent(x, z, radius)
                top, bottom = _ball_extent(y, z, radius)
                first_column, last_column = max(int(left * fx + cx), 0), min(int(right * fx + cx), width - 1)
                first_row, last_row = max(int(top * fy + cy), 0), min(int(bottom * fy + cy), height - 1)
                foreground = (
                    table[last_row + 1, last_column + 1]
                    - table[first_row, last_column + 1]
                    - table[last_row + 1, first_column]
                    + table[first_row, first_column]
                )
                if foreground == 0:
                    missed[i, j, k] += 1
