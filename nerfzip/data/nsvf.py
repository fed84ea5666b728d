"""Synthetic-NSVF, and Tanks & Temples as NSVF packages it (Liu et al. 2020; sheet `datasets`, sections 2 and 4)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.data.bounds import distance_range
from nerfzip.data.checks import (
    as_box,
    as_colour,
    as_number,
    as_pose,
    as_positive,
    check_downscale,
    check_range,
    scene_folder,
)
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import image_size
from nerfzip.data.scene import Scene
from nerfzip.data.text_rows import read_rows
from nerfzip.data.transforms_json import IMAGE_SUFFIXES
from nerfzip.data.views import Intrinsics, Size, make_cameras, make_views
from nerfzip.errors import CaptureError
from nerfzip.geometry import Box

WHITE = (1.0, 1.0, 1.0)
IGNATIUS_SIZE = (1920, 1080)
IGNATIUS_INTRINSICS = (1166.564936839068, 1166.564936839068, 960.0, 540.0)
"""Stand in for the intrinsics.txt of Ignatius, which is no 4×4 matrix like the others (section 4)."""


@dataclass(frozen=True)
class _View:
    split: str
    image: Path
    pose_file: Path
    camera_to_world: Float[Tensor, "4 4"]


def load_nsvf(
    root: str | Path,
    scene: str,
    downscale: int = 1,
    box_scale: float = 1.0,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = WHITE,
) -> Scene:
    """Load a Synthetic-NSVF scene from `root/scene`: `rgb/`, `pose/`, `intrinsics.txt`, `bbox.txt`.

    The first character of a file name gives its split (0 train, 1 val, 2 test); poses and images are paired by sorted
    order. The first number of `intrinsics.txt` is the focal length; the principal point is the image centre.

    Args:
        downscale: integer factor by which the images on disk are reduced (area filter).
        box_scale: enlarges the box of `bbox.txt` around its centre.
        near, far: distances along rays between which the scene lies, world units. By default the smallest distance of a
            camera from the (enlarged) box and the largest from one of its corners.
        background: RGB in [0, 1], behind images with alpha.

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = scene_folder(root, scene)
    views = _read_views(folder, {"0": "train", "1": "val", "2": "test"})
    width, height = size = image_size(views[0].image)
    path = folder / "intrinsics.txt"
    rows = read_rows(path)
    if not rows:
        raise CaptureError(f"{path}: empty, expected the focal length first")
    focal = as_positive(rows[0][0], f"{path}, focal length")
    intrinsics = (focal, focal, width / 2, height / 2)
    return _scene(folder, views, size, intrinsics, downscale, box_scale, near, far, background)


def load_tanks_temples(
    root: str | Path,
    scene: str,
    downscale: int = 1,
    box_scale: float = 1.2,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = WHITE,
) -> Scene:
    """Load a masked Tanks & Temples scene from `root/scene`; the layout is Synthetic-NSVF's, with two differences.

    The splits are 0 train and 1 test, and `intrinsics.txt` is a 4×4 matrix, except that of Ignatius: where it is no
    such matrix, that scene's known values are used. The default `box_scale` is TensoRF's. See `load_nsvf` for the
    settings and errors.
    """
    folder = scene_folder(root, scene)
    views = _read_views(folder, {"0": "train", "1": "test"})
    size = image_size(views[0].image)
    intrinsics = _matrix_intrinsics(folder / "intrinsics.txt", size, is_ignatius=scene == "Ignatius")
    return _scene(folder, views, size, intrinsics, downscale, box_scale, near, far, background)


def _scene(
    folder: Path,
    views: list[_View],
    size: Size,
    intrinsics: Intrinsics,
    downscale: int,
    box_scale: float,
    near: float | None,
    far: float | None,
    background: Sequence[float],
) -> Scene:
    downscale, colour = check_downscale(downscale), as_colour(background, "background")
    box = _read_box(folder / "bbox.txt").enlarged(as_positive(box_scale, "box_scale"))
    positions = torch.stack([view.camera_to_world[:3, 3] for view in views])
    nearest, farthest = distance_range(positions, box)
    given_range = (near, far)
    near, far = check_range(nearest if near is None else near, farthest if far is None else far)
    splits = {}
    for split in dict.fromkeys(view.split for view in views):
        members = [view for view in views if view.split == split]
        cameras = make_cameras([view.camera_to_world for view in members], intrinsics, size, downscale)
        paths = [view.image for view in members]
        splits[split] = make_views(cameras, [path.name for path in paths], paths, size, downscale)
    settings = {
        "format": "nsvf",
        "intrinsics": intrinsics,
        "splits": [view.split for view in views],
        "downscale": downscale,
        "box_scale": box_scale,
        "range": given_range,
        "background": colour,
    }
    files = [folder / "intrinsics.txt", folder / "bbox.txt"]
    files += [path for view in views for path in (view.image, view.pose_file)]
    return Scene(folder.name, splits, box, near, far, colour, fingerprint(settings, files))


def _read_views(folder: Path, split_names: Mapping[str, str]) -> list[_View]:
    images = _sorted_files(folder / "rgb", IMAGE_SUFFIXES)
    poses = _sorted_files(folder / "pose", (".txt",))
    # A file without its partner shifts all later pairs: name the first pair that disagrees, before counting.
    for image, pose in zip(images, poses, strict=False):
        if _numbers(image) != _numbers(pose):
            raise CaptureError(
                f"{folder}: in sorted order rgb/{image.name} meets pose/{pose.name}; expected the same numbers in both"
            )
    if len(images) != len(poses):
        longer = images if len(images) > len(poses) else poses
        extra = longer[min(len(images), len(poses))]
        raise CaptureError(
            f"{folder}: {len(images)} images in rgb, {len(poses)} poses in pose; the first without a partner is "
            f"{extra.parent.name}/{extra.name}"
        )
    views = []
    for image, pose in zip(images, poses, strict=True):
        if image.name[0] not in split_names:
            expected = ", ".join(f"{digit} ({split})" for digit, split in split_names.items())
            raise CaptureError(f"{image}: the name starts with {image.name[0]!r}, expected {expected}")
        views.append(_View(split_names[image.name[0]], image, pose, as_pose(read_rows(pose), str(pose))))
    for digit, split in split_names.items():
        if split != "val" and all(view.split != split for view in views):
            raise CaptureError(f"{folder}: the split {split!r} is empty: no file in rgb starts with {digit}")
    return views


def _sorted_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder")
    files = [path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith(".")]
    if not files:
        raise CaptureError(f"{folder}: no {' or '.join(suffixes)} files in this folder")
    return sorted(files, key=lambda path: path.name)


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.stem)]


def _matrix_intrinsics(path: Path, size: Size, is_ignatius: bool) -> Intrinsics:
    try:
        rows = read_rows(path)
    except CaptureError:
        if not (is_ignatius and path.is_file()):
            raise
        rows = []
    if [len(row) for row in rows] == [4, 4, 4, 4]:
        focal = as_positive(rows[0][0], f"{path}, focal length")
        return focal, focal, as_number(rows[0][2], f"{path}, cx"), as_number(rows[1][2], f"{path}, cy")
    if not is_ignatius:
        raise CaptureError(f"{path}: rows of {[len(row) for row in rows]} numbers, expected a 4×4 matrix")
    width, height = size
    scale = width / IGNATIUS_SIZE[0]
    if abs(height - scale * IGNATIUS_SIZE[1]) >= 1:
        raise CaptureError(
            f"{path}: no 4×4 matrix, and the values known for Ignatius are for 1920×1080 images, not {size}"
        )
    fx, fy, cx, cy = (scale * value for value in IGNATIUS_INTRINSICS)
    return fx, fy, cx, cy


def _read_box(path: Path) -> Box:
    """Minimum, maximum and (unused) voxel size, in one row or several."""
    numbers = [number for row in read_rows(path) for number in row]
    if len(numbers) < 6:
        raise CaptureError(f"{path}: {len(numbers)} numbers, expected the six of a minimum and a maximum corner")
    return as_box((numbers[:3], numbers[3:6]), str(path))
