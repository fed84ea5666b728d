"""DTU as PixelNeRF packages it (Jensen et al. 2014; Yu et al. 2021; sheet `datasets`, section 7)."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import rq

from nerfzip.data.checks import (
    LARGEST_SKEW,
    Corners,
    as_pose,
    as_positive,
    scene_folder,
)
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import Rgba, image_size
from nerfzip.data.object_splits import split_views
from nerfzip.data.scene import Scene
from nerfzip.data.surroundings import Surroundings
from nerfzip.data.views import Intrinsics, Size, make_cameras
from nerfzip.errors import CaptureError

SOURCE = (22, 25, 28, 40, 44, 48, 0, 8)
"""PixelNeRF's usual views, in its order."""
TRAIN = (*SOURCE, 2, 11, 14, 23, 26, 31, 33, 42)
BAD_EXPOSURE = (3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 36, 37, 38, 39)
"""Left out of evaluations."""


def load_dtu(
    root: str | Path,
    scene: str,
    downscale: int = 1,
    crop: int | None = 256,
    near: float = 0.1,
    far: float = 5.0,
    box: Corners = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)),
    background: Sequence[float] = (0.0, 0.0, 0.0),
) -> Scene:
    """Load `root/scene`: `image/*.png` in the order of their names, and `cameras.npz`.

    Matrices of `cameras.npz` project to pixels (`world_mat_N`), from a world that `scale_mat_N`, where it is there,
    puts the object's unit sphere into; the scene is in the units of that sphere. All views have the mean of their focal
    lengths and principal points, as in PixelNeRF. The splits are `source`, 8 views for an encoder, `train`, 16, and
    `test`, all others that are not badly exposed. Which views CodecNeRF uses is not published; these are ours.

    Args:
        downscale: integer factor by which the images are reduced (area filter), after cropping.
        crop: width and height of the middle of each image that is used; None takes all.
        near, far: distances along rays between which the object lies, in radii of the sphere.
        box: minimum and maximum corner, in the same units.
        background: RGB in [0, 1].

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = scene_folder(root, scene)
    around = Surroundings.checked(downscale, near, far, box, background)
    files = sorted((folder / "image").glob("*.png"))
    if len(files) <= max(TRAIN):
        raise CaptureError(f"{folder / 'image'}: {len(files)} .png files, expected more than {max(TRAIN)}")
    size = image_size(files[0])
    path = folder / "cameras.npz"
    poses, intrinsics = _read_cameras(path, len(files))
    cut, (left, top), used = _middle(crop, size)
    focal_x, focal_y, centre_x, centre_y = intrinsics
    cameras = make_cameras(poses, (focal_x, focal_y, centre_x - left, centre_y - top), used, downscale)
    views = split_views(cameras, files, size, downscale, SOURCE, TRAIN, BAD_EXPOSURE, cut)
    settings = {"format": "dtu", "crop": crop, **around.for_fingerprint()}
    digest = fingerprint(settings, [path, *files])
    return Scene(scene, views, around.box, around.near, around.far, around.background, digest)


def _read_cameras(path: Path, views: int) -> tuple[list[torch.Tensor], Intrinsics]:
    """Camera-to-world matrices, OpenCV axes, and the mean intrinsics."""
    if not path.is_file():
        raise CaptureError(f"{path}: no such file")
    poses, intrinsics = [], []
    try:
        with np.load(path, allow_pickle=False) as matrices:
            for view in range(views):
                where = f"{path}, world_mat_{view}"
                pose, matrix = _decomposed(_matrix(matrices, f"world_mat_{view}", path), where)
                if f"scale_mat_{view}" in matrices:
                    scale = _matrix(matrices, f"scale_mat_{view}", path)
                    radius = as_positive(float(scale[0, 0]), f"{path}, scale_mat_{view}")
                    pose[:3, 3] = (pose[:3, 3] - scale[:3, 3]) / radius
                poses.append(as_pose(pose.tolist(), where))
                intrinsics.append((matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CaptureError(f"{path}: not a file of arrays that can be read: {error}") from error
    focal_x, focal_y, centre_x, centre_y = np.mean(intrinsics, axis=0).tolist()
    return poses, (focal_x, focal_y, centre_x, centre_y)


def _matrix(matrices: np.lib.npyio.NpzFile, name: str, path: Path) -> Float[np.ndarray, "rows 4"]:
    if name not in matrices:
        raise CaptureError(f"{path}: the array {name!r} is missing")
    matrix = np.asarray(matrices[name], dtype=np.float64)
    if matrix.shape not in ((3, 4), (4, 4)) or not np.isfinite(matrix).all():
        raise CaptureError(f"{path}, {name}: shape {matrix.shape}, expected a finite matrix of 3×4 or 4×4")
    return matrix


def _decomposed(
    projection: Float[np.ndarray, "rows 4"], where: str
) -> tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "3 3"]]:
    """Camera-to-world and intrinsics of a projection K [R | t], which is known up to a factor."""
    rows, column = projection[:3, :3], projection[:3, 3]
    if abs(np.linalg.det(rows)) < 1e-12:
        raise CaptureError(f"{where}: a singular matrix, expected a camera's projection")
    upper, rotation = rq(rows)
    signs = np.sign(np.diag(upper))
    upper, rotation = upper * signs, signs[:, None] * rotation
    # A negative factor turns the camera inside out.
    rotation = rotation * np.sign(np.linalg.det(rotation))
    matrix = upper / upper[2, 2]
    if abs(matrix[0, 1]) > LARGEST_SKEW * matrix[0, 0]:
        raise CaptureError(f"{where}: a skew of {matrix[0, 1]:g}, expected square pixels (0)")
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation.T, -np.linalg.solve(rows, column)
    return pose, matrix


class _Crop:
    """The part of an image from (left, top) on."""

    def __init__(self, left: int, top: int, side: int) -> None:
        self.rows, self.columns = slice(top, top + side), slice(left, left + side)

    def __call__(self, rgba: Rgba) -> Rgba:
        return rgba[self.rows, self.columns]


def _middle(crop: int | None, size: Size) -> tuple[_Crop | None, tuple[int, int], Size]:
    """What is used of images, where its corner is, and its size."""
    if crop is None:
        return None, (0, 0), size
    if not isinstance(crop, int) or isinstance(crop, bool) or not 1 <= crop <= min(size):
        raise CaptureError(f"crop: {crop!r}, expected null or a whole number up to {min(size)}, the shorter side")
    left, top = ((side - crop) // 2 for side in size)
    return _Crop(left, top, crop), (left, top), (crop, crop)
