"""Images that are named one by one, with the cameras that a `transforms.json` near them gives them."""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from nerfzip.data.checks import Corners
from nerfzip.data.foreground_box import foreground_box
from nerfzip.data.instant_ngp import default_range, photographs
from nerfzip.data.scene import Scene
from nerfzip.data.transforms_json import read_transforms
from nerfzip.data.visual_hull import FOREGROUND_ALPHA
from nerfzip.errors import CaptureError
from nerfzip.geometry import Box

log = logging.getLogger(__name__)
SEEN_BY = 0.75
"""Of the views, at least, whose image holds a point of the object."""
CAMERAS = ("transforms.json", "transforms_train.json")


def load_posed_images(
    images: Sequence[str],
    cameras: str | None = None,
    downscale: int = 1,
    box: Corners | None = None,
    box_scale: float = 1.2,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = (1.0, 1.0, 1.0),
) -> Scene:
    """All images are training views; there are no test views. The scene's name is that of the images' folder.

    Args:
        images: files.
        cameras: a file as `load_instant_ngp` reads it, with a frame for each image; None is the first
            `transforms.json` or `transforms_train.json` in the first image's folder, or in those that it lies in.
        downscale, box, box_scale, near, far, background: as of `load_instant_ngp`; but without `box`, where images have
            an alpha channel, the box is the cube around what their foreground leaves.

    Raises:
        CaptureError: an image or its camera is missing, or as `load_instant_ngp`.
    """
    paths = [Path(image).resolve() for image in images]
    if not paths:
        raise CaptureError("dataset.images: none, expected files")
    for path in paths:
        if not path.is_file():
            raise CaptureError(f"{path}: no such image")
    transforms = read_transforms(_cameras_near(paths[0]) if cameras is None else Path(cameras))
    known = {frame.path.resolve(): frame for frame in transforms.frames}
    for path in paths:
        if path not in known:
            raise CaptureError(f"{path}: {transforms.path} has no frame for this image")
    frames = [known[path] for path in paths]
    splits = {"train": list(range(len(frames)))}
    settings: dict[str, object] = {"format": "images"}
    name = paths[0].parent.name
    scene = photographs(name, transforms, frames, splits, downscale, box, box_scale, near, far, background, settings)
    if box is not None:
        return scene
    cube = _cube_around_foreground(scene)
    if cube is None:
        log.warning(
            "%s: images without transparency do not show where an object ends; for one, give its cube,"
            " dataset.box=[[x,y,z],[x,y,z]]",
            name,
        )
        return scene
    nearest, farthest = default_range(scene.train.cameras, cube)
    near, far = nearest if near is None else near, farthest if far is None else far
    return replace(scene, box=cube, near=near, far=far)


def _cube_around_foreground(scene: Scene) -> Box | None:
    """As objects lie in their boxes in sets of rendered objects: the longest side of what is seen fills it."""
    masks = [scene.train.rgba(index)[..., 3].numpy() > FOREGROUND_ALPHA for index in range(len(scene.train))]
    if all(mask.all() for mask in masks):
        return None
    fewest = math.ceil(SEEN_BY * len(masks))
    try:
        found = foreground_box(scene.train.cameras, [(scene.name, masks)], fewest, misses=0, margin=0.0)
    except CaptureError as error:
        raise CaptureError(
            f"{scene.name}: the object's box can't be found from {len(masks)} images: {error}; name more images,"
            " check the axes of the poses (OpenGL's: cameras look along -z), or give dataset.box=[[x,y,z],[x,y,z]]"
        ) from error
    centre = [(low + high) / 2 for low, high in zip(found.minimum, found.maximum, strict=True)]
    half = max(found.size) / 2
    low, high = torch.tensor(centre) - half, torch.tensor(centre) + half
    return Box.from_tensors(low, high)


def _cameras_near(image: Path) -> Path:
    for folder in image.parents:
        for name in CAMERAS:
            if (folder / name).is_file():
                return folder / name
    raise CaptureError(
        f"{image}: neither its folder nor one above has a {' or '.join(CAMERAS)}; add dataset.cameras=FILE"
    )
