"""Synthetic-NeRF: Blender renderings with alpha (Mildenhall et al. 2020; sheet `datasets`, section 1)."""

import math
from collections.abc import Sequence
from pathlib import Path

from nerfzip.data.checks import Corners, scene_folder
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import image_size
from nerfzip.data.scene import Scene, Views
from nerfzip.data.surroundings import Surroundings
from nerfzip.data.transforms_json import Transforms, read_transforms
from nerfzip.data.views import Size, make_cameras, make_views


def load_nerf_synthetic(
    root: str | Path,
    scene: str,
    downscale: int = 1,
    near: float = 2.0,
    far: float = 6.0,
    box: Corners = ((-1.5, -1.5, -1.5), (1.5, 1.5, 1.5)),
    background: Sequence[float] = (1.0, 1.0, 1.0),
) -> Scene:
    """Load `root/scene`: `transforms_{train,test}.json`, and `transforms_val.json` where there is one.

    Args:
        downscale: integer factor by which the images on disk are reduced (area filter).
        near, far: distances along rays between which the object lies, world units.
        box: minimum and maximum corner, world units. The default holds all eight published scenes (as in TensoRF).
        background: RGB in [0, 1].

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = scene_folder(root, scene)
    around = Surroundings.checked(downscale, near, far, box, background)
    splits = {split: read_transforms(folder / f"transforms_{split}.json") for split in ("train", "test")}
    if (folder / "transforms_val.json").is_file():
        splits["val"] = read_transforms(folder / "transforms_val.json")
    size = image_size(splits["train"].frames[0].path)

    views = {split: _views(transforms, size, around.downscale) for split, transforms in splits.items()}
    settings = {"format": "nerf_synthetic", **around.for_fingerprint()}
    files = [path for each in splits.values() for path in (each.path, *(frame.path for frame in each.frames))]
    digest = fingerprint(settings, files)
    return Scene(scene, views, around.box, around.near, around.far, around.background, digest)


def _views(transforms: Transforms, size: Size, downscale: int) -> Views:
    width, height = size
    focal = 0.5 * width / math.tan(0.5 * transforms.angle("camera_angle_x"))
    poses = [frame.camera_to_world for frame in transforms.frames]
    cameras = make_cameras(poses, (focal, focal, width / 2, height / 2), size, downscale)
    names = [frame.name for frame in transforms.frames]
    return make_views(cameras, names, [frame.path for frame in transforms.frames], size, downscale)
