"""Objaverse objects as One-2-3-45 renders them (Liu et al. 2023; sheet `datasets`, section 5)."""

from collections.abc import Sequence
from pathlib import Path

from nerfzip.data.checks import (
    Corners,
    as_intrinsics,
    as_pose,
    scene_folder,
)
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import image_size
from nerfzip.data.json_file import read_json, required
from nerfzip.data.object_splits import split_views
from nerfzip.data.scene import Scene
from nerfzip.data.surroundings import Surroundings
from nerfzip.data.views import make_cameras
from nerfzip.errors import CaptureError
from nerfzip.geometry import OPENGL_TO_OPENCV

CAMERAS = "One2345_training_pose.json"
SOURCE = (0, 2, 4, 6, 10, 12, 14, 16, 20, 22, 24, 26, 30, 32, 34, 36)
TRAIN = (0, 2, 4, 6, 7, 8, 10, 12, 14, 16, 17, 18, 20, 22, 24, 26, 27, 28, 30, 32, 34, 36, 37, 38)
"""CodecNeRF's splits, by the order of the camera file; what is in neither is a test view."""


def load_objaverse(
    root: str | Path,
    scene: str,
    downscale: int = 1,
    near: float = 0.5,
    far: float = 1.8,
    box: Corners = ((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5)),
    background: Sequence[float] = (1.0, 1.0, 1.0),
) -> Scene:
    """Load `root/scene`: `view_I.png` and `view_I_J_10_gt.png`; all objects share the cameras of a file in `root`.

    Images without `_gt` around a base view are another model's predictions, and never read. The splits are CodecNeRF's:
    `train` has 24 views for fine-tuning, `source` the 16 that its encoder sees, `test` the other 16.

    Args:
        downscale: integer factor by which the images on disk are reduced (area filter).
        near, far: distances along rays between which the object lies, world units.
        box: minimum and maximum corner, world units. The renders have their objects scaled to the default.
        background: RGB in [0, 1].

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = scene_folder(root, scene)
    around = Surroundings.checked(downscale, near, far, box, background)
    path = Path(root) / CAMERAS
    document = read_json(path)
    intrinsics = as_intrinsics(required(document, "intrinsics", path), f"{path}, intrinsics")
    poses = required(document, "c2ws", path)
    if not isinstance(poses, dict) or len(poses) <= max(TRAIN):
        raise CaptureError(f"{path}, c2ws: expected an object of more than {max(TRAIN)} poses by the names of views")
    to_world = [as_pose(pose, f"{path}, c2ws.{name}") @ OPENGL_TO_OPENCV.double() for name, pose in poses.items()]
    files = [folder / f"{name}_gt.png" if name.endswith("_10") else folder / f"{name}.png" for name in poses]
    size = image_size(files[0])
    cameras = make_cameras(to_world, intrinsics, size, downscale)
    views = split_views(cameras, files, size, downscale, SOURCE, TRAIN)
    settings = {"format": "objaverse", **around.for_fingerprint()}
    digest = fingerprint(settings, [path, *files])
    return Scene(scene, views, around.box, around.near, around.far, around.background, digest)
