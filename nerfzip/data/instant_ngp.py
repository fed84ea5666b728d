"""Photographs with a `transforms.json` as instant-ngp writes it (sheet `datasets`, section 13)."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

from nerfzip.data.bounds import box_of_sight, depths, distance_range, look_at_point
from nerfzip.data.checks import Corners, as_box, as_colour, as_number, as_positive, check_downscale, check_range
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import check_size, image_size
from nerfzip.data.lens import Lens, Undistortion, undistortion
from nerfzip.data.scene import Scene, Views
from nerfzip.data.transforms_json import INTRINSIC_MATRIX, Frame, Transforms, own_intrinsics, read_transforms
from nerfzip.data.views import Size, make_cameras, make_views
from nerfzip.errors import CaptureError
from nerfzip.geometry import Box, Cameras

DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
CAMERA_KEYS = ("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_angle_x", "camera_angle_y", *DISTORTION)
NGP_SCALE = 0.33
"""instant-ngp's default scale from the world to its unit cube (sheet `datasets`, section 13)."""

log = logging.getLogger(__name__)


def load_instant_ngp(
    root: str | Path,
    downscale: int = 1,
    test_every: int = 8,
    box: Corners | None = None,
    box_scale: float = 1.2,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = (0.0, 0.0, 0.0),
) -> Scene:
    """Load the capture in the folder `root`, whose name becomes the scene's.

    Frames without an image file are left out, and a warning counts them. Lens distortion is undone.

    Args:
        downscale: integer factor by which the undistorted images are reduced (area filter).
        test_every: of the frames that have an image, the first and every such one after it are held out for test.
        box: minimum and maximum corner, world units. By default the box around what all cameras see at the depth of the
            point they look at, enlarged by `box_scale`; where they look at no common point, instant-ngp's own box.
        box_scale: how much background the default box takes in.
        near: distance along rays where the scene begins, world units. By default half the smallest depth of the point
            that the cameras look at, or where the nearest camera is farther from the box than that, its distance.
        far: where it ends; by default the farthest that a camera is from a corner of the box.
        background: RGB in [0, 1], seen by rays that leave the box.

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    root = Path(root)
    if not isinstance(test_every, int) or test_every < 2:
        raise CaptureError(f"test_every: {test_every!r}, expected an integer of at least 2")
    transforms = read_transforms(_find_transforms(root))
    frames = _frames_with_image(transforms)
    if len(frames) < 2:
        raise CaptureError(f"{transforms.path}: {len(frames)} frames with an image, expected one to train, one to test")
    splits = {
        "train": [index for index in range(len(frames)) if index % test_every != 0],
        "test": list(range(0, len(frames), test_every)),
    }
    settings = {"format": "instant_ngp", "test_every": test_every}
    return photographs(
        root.resolve().name, transforms, frames, splits, downscale, box, box_scale, near, far, background, settings
    )


def photographs(
    name: str,
    transforms: Transforms,
    frames: list[Frame],
    splits: dict[str, list[int]],
    downscale: int,
    box: Corners | None,
    box_scale: float,
    near: float | None,
    far: float | None,
    background: Sequence[float],
    settings: dict[str, object],
) -> Scene:
    """Some frames of a `transforms.json`, each a file that is there; see `load_instant_ngp`.

    Args:
        splits: positions among the frames.
        settings: of the loader, for the fingerprint.
    """
    check_one_camera(transforms)
    downscale = check_downscale(downscale)
    colour = as_colour(background, "background")
    size = _file_size(transforms, frames)
    if any(INTRINSIC_MATRIX in frame.own for frame in frames):
        own = [own_intrinsics(transforms.path, frame) for frame in frames]
        poses, undistort = [frame.camera_to_world for frame in frames], None
        cameras, full_size = (make_cameras(poses, own, size, factor) for factor in (downscale, 1))
    else:
        lens = _lens(transforms, size)
        undistort = None if lens.is_pinhole else undistortion(lens, *size, where=str(transforms.path))
        cameras, full_size = (_cameras(frames, lens, size, undistort, factor) for factor in (downscale, 1))
    bounds = _default_box(transforms, full_size, box_scale) if box is None else as_box(box, "box")
    given_range = (near, far)
    default_near, default_far = default_range(cameras, bounds)
    near, far = check_range(default_near if near is None else near, default_far if far is None else far)

    def views(indices: list[int]) -> Views:
        names, paths = [frames[index].name for index in indices], [frames[index].path for index in indices]
        return make_views(cameras[indices], names, paths, size, downscale, undistort)

    settings = settings | {
        "downscale": downscale,
        "box": None if box is None else (bounds.minimum, bounds.maximum),
        "box_scale": box_scale,
        "range": given_range,
        "background": colour,
    }
    digest = fingerprint(settings, [transforms.path, *(frame.path for frame in frames)])
    return Scene(name, {split: views(indices) for split, indices in splits.items()}, bounds, near, far, colour, digest)


def _find_transforms(root: Path) -> Path:
    if not root.is_dir():
        raise CaptureError(f"{root}: no such folder, expected one with a transforms.json")
    path = root / "transforms.json"
    if not path.is_file():
        below = sorted(each.parent.name for each in root.glob("*/transforms.json"))[:10]
        hint = f"; these folders in it have one: {', '.join(below)}" if below else ""
        raise CaptureError(f"{root}: no transforms.json in this folder{hint}")
    return path


def check_one_camera(transforms: Transforms) -> None:
    """Raise CaptureError if a frame has a camera of its own."""
    for frame in transforms.frames:
        own = [key for key in CAMERA_KEYS if key in frame.own]
        if own:
            raise CaptureError(
                f"{transforms.path}: {frame.name} has its own {', '.join(own)}; expected one camera for all frames"
            )


def _frames_with_image(transforms: Transforms) -> list[Frame]:
    frames = [frame for frame in transforms.frames if frame.path.is_file()]
    missing = len(transforms.frames) - len(frames)
    if missing:
        log.warning("%s: %d of %d frames have no image file: skipped", transforms.path, missing, len(transforms.frames))
    return frames


def _file_size(transforms: Transforms, frames: list[Frame]) -> Size:
    """The size that the file states, or else the first image's; checked on that image before use."""
    width, height = image_size(frames[0].path)
    header = transforms.header
    if "w" in header:
        width = round(transforms.positive("w"))
    if "h" in header:
        height = round(transforms.positive("h"))
    check_size(frames[0].path, width, height)
    return width, height


def _lens(transforms: Transforms, size: Size) -> Lens:
    header, path = transforms.header, transforms.path
    model = header.get("camera_model", "")
    if header.get("is_fisheye") or "FISHEYE" in str(model).upper():
        raise CaptureError(f"{path}: a fisheye camera; expected a perspective one")
    width, height = size
    if "fl_x" in header:
        fx = transforms.positive("fl_x")
    elif "camera_angle_x" in header:
        fx = 0.5 * width / math.tan(0.5 * transforms.angle("camera_angle_x"))
    else:
        raise CaptureError(f"{path}: neither of the keys 'fl_x' and 'camera_angle_x' is there")
    if "fl_y" in header:
        fy = transforms.positive("fl_y")
    elif "camera_angle_y" in header:
        fy = 0.5 * height / math.tan(0.5 * transforms.angle("camera_angle_y"))
    else:
        fy = fx
    cx, cy = (
        as_number(header.get("cx", width / 2), f"{path}, cx"),
        as_number(header.get("cy", height / 2), f"{path}, cy"),
    )
    return Lens(fx, fy, cx, cy, **{key: as_number(header.get(key, 0.0), f"{path}, {key}") for key in DISTORTION})


def _cameras(frames: list[Frame], lens: Lens, size: Size, undistort: Undistortion | None, downscale: int) -> Cameras:
    left, top = (undistort.left, undistort.top) if undistort else (0, 0)
    seen = (undistort.width, undistort.height) if undistort else size
    intrinsics = (lens.fx, lens.fy, lens.cx - left, lens.cy - top)
    return make_cameras([frame.camera_to_world for frame in frames], intrinsics, seen, downscale)


def _default_box(transforms: Transforms, cameras: Cameras, scale: float) -> Box:
    point = look_at_point(cameras)
    if point is not None:
        return box_of_sight(cameras, point).enlarged(as_positive(scale, "box_scale"))
    box = _instant_ngp_box(transforms)
    log.warning("%s: the cameras look at no common point; the box is %s", transforms.path, box)
    return box


def _instant_ngp_box(transforms: Transforms) -> Box:
    """Where instant-ngp would look: `aabb_scale` unit cubes around `offset`, both in world · `scale` + `offset`."""
    header = transforms.header
    scale = transforms.positive("scale") if "scale" in header else NGP_SCALE
    half = 0.5 * (transforms.positive("aabb_scale") if "aabb_scale" in header else 1.0) / scale
    return Box((-half, -half, -half), (half, half, half))


def default_range(cameras: Cameras, box: Box) -> tuple[float, float]:
    nearest, farthest = distance_range(cameras.camera_to_world[:, :3, 3], box)
    point = look_at_point(cameras)
    half_way = 0.0 if point is None else 0.5 * float(depths(cameras, point).min())
    return max(nearest, half_way), farthest
