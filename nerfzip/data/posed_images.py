"""Images that are named one by one, with the cameras that a `transforms.json` near them gives them."""

from collections.abc import Sequence
from pathlib import Path

from nerfzip.data.checks import Corners
from nerfzip.data.instant_ngp import photographs
from nerfzip.data.scene import Scene
from nerfzip.data.transforms_json import read_transforms
from nerfzip.errors import CaptureError

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
        downscale, box, box_scale, near, far, background: as of `load_instant_ngp`.

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
    return photographs(name, transforms, frames, splits, downscale, box, box_scale, near, far, background, settings)


def _cameras_near(image: Path) -> Path:
    for folder in image.parents:
        for name in CAMERAS:
            if (folder / name).is_file():
                return folder / name
    raise CaptureError(
        f"{image}: neither its folder nor one above has a {' or '.join(CAMERAS)}; add dataset.cameras=FILE"
    )
