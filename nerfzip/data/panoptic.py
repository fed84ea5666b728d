"""CMU Panoptic as Dynamic 3D Gaussians packages it (Luiten et al. 2024; sheet `datasets`, section 12)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nerfzip.data.checks import (
    Corners,
    as_box,
    as_colour,
    as_intrinsics,
    as_pose,
    as_positive,
    check_downscale,
    scene_folder,
)
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.foreground_box import foreground_box
from nerfzip.data.images import MASK_MODES, check_size, read_mask, read_rgba, with_alpha
from nerfzip.data.json_file import read_json, required
from nerfzip.data.scene import VolumetricScene
from nerfzip.data.video import Camera, Rig, chosen_frames, split_cameras
from nerfzip.data.views import Size
from nerfzip.errors import CaptureError

TEST_CAMERAS = (3, 16, 17, 20)
"""Ours, about a quarter of a turn apart and at different heights; the capture's own test cameras have no masks."""

log = logging.getLogger(__name__)


def load_panoptic(
    root: str | Path,
    scene: str = "basketball",
    frames: str = ":",
    downscale: int = 1,
    test_cameras: Sequence[int] = TEST_CAMERAS,
    box: Corners | None = None,
    box_margin: float = 0.05,
    fewest_views: int = 8,
    misses: int = 1,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = (1.0, 1.0, 1.0),
) -> VolumetricScene:
    """Load the foreground of `root/scene`: `train_meta.json`, `ims/`, `seg/`. Masks become alpha.

    The cameras of `test_meta.json` have no masks and are left out; test cameras are held out among the others.

    Args:
        frames: start:stop or start:stop:step, as a slice; ":" is all.
        downscale: integer factor by which images and masks on disk are reduced (area filter).
        test_cameras: their ids (`cam_id`).
        box: minimum and maximum corner, world units. By default the box around the visual hulls of all chosen frames,
            carved from the masks of the training cameras, with `box_margin`, a share of its size, on each side.
        fewest_views, misses: what belongs to a hull is seen by so many training cameras, and is foreground in all of
            them but so many.
        near, far: distances along rays between which the scene lies, world units. By default the smallest distance of a
            camera from the box and the largest from one of its corners.
        background: RGB in [0, 1].

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = scene_folder(root, scene)
    downscale, colour = check_downscale(downscale), as_colour(background, "background")
    meta = _read_meta(folder / "train_meta.json")
    chosen = chosen_frames(frames, len(meta.frames), meta.path)
    cameras = _standing_cameras(meta, chosen)
    rig = Rig(cameras, split_cameras(list(cameras), test_cameras, meta.path), meta.size)
    files = {(frame, camera): meta.frames[frame][camera].files(folder) for frame in chosen for camera in cameras}
    for image, mask in files.values():
        check_size(image, *meta.size)
        check_size(mask, *meta.size, MASK_MODES)

    if box is None:
        train = rig.splits["train"]
        moments = (
            (f"{folder}, frame {frame}", [read_mask(files[frame, camera][1], *meta.size) > 0.5 for camera in train])
            for frame in chosen
        )
        bounds = foreground_box(rig.of(train, 1), moments, fewest_views, misses, box_margin)
        log.info("%s: the foreground lies in the box %s", folder, bounds)
    else:
        bounds = as_box(box, "box")

    def read(frame: int, camera: int) -> np.ndarray:
        image, mask = files[frame, camera]
        return with_alpha(read_rgba(image, *meta.size), read_mask(mask, *meta.size))

    settings = {
        "format": "panoptic",
        "frames": list(chosen),
        "splits": rig.splits,
        "cameras": [(number, camera.intrinsics, camera.camera_to_world.tolist()) for number, camera in cameras.items()],
        "downscale": downscale,
        "box": (bounds.minimum, bounds.maximum),
        "range": (near, far),
        "background": colour,
    }
    digest = fingerprint(settings, [path for pair in files.values() for path in pair])
    return rig.video(scene, chosen, read, downscale, bounds, near, far, colour, digest)


@dataclass(frozen=True)
class _Entry:
    """What the file says of one camera at one time."""

    k: object
    w2c: object
    fn: str
    where: str

    def files(self, folder: Path) -> tuple[Path, Path]:
        """The image and its mask."""
        return folder / "ims" / self.fn, (folder / "seg" / self.fn).with_suffix(".png")


@dataclass(frozen=True)
class _Meta:
    """The file's entries by time and by `cam_id`, and the size of the images."""

    path: Path
    size: Size
    frames: list[dict[int, _Entry]]


def _read_meta(path: Path) -> _Meta:
    document = read_json(path)
    width, height = (as_positive(required(document, key, path), f"{path}, {key}") for key in ("w", "h"))
    lists = {key: _as_list(required(document, key, path), f"{path}, {key}") for key in ("cam_id", "fn", "k", "w2c")}
    count = len(lists["cam_id"])
    for key, values in lists.items():
        if len(values) != count:
            raise CaptureError(f"{path}, {key}: {len(values)} frames, expected {count} as in cam_id")
    if count == 0:
        raise CaptureError(f"{path}, cam_id: an empty list, expected at least one frame")
    frames = [_read_frame({key: values[frame] for key, values in lists.items()}, frame, path) for frame in range(count)]
    return _Meta(path, (round(width), round(height)), frames)


def _read_frame(lists: dict[str, object], frame: int, path: Path) -> dict[int, _Entry]:
    of_frame = {key: _as_list(values, f"{path}, {key}[{frame}]") for key, values in lists.items()}
    count = len(of_frame["cam_id"])
    for key, values in of_frame.items():
        if len(values) != count:
            raise CaptureError(f"{path}, {key}[{frame}]: {len(values)} cameras, expected {count} as in cam_id")
    entries: dict[int, _Entry] = {}
    for index, (camera, name) in enumerate(zip(of_frame["cam_id"], of_frame["fn"], strict=True)):
        if not isinstance(camera, int) or camera in entries:
            raise CaptureError(f"{path}, cam_id[{frame}][{index}]: {camera!r}, expected a whole number, each once")
        if not isinstance(name, str):
            raise CaptureError(f"{path}, fn[{frame}][{index}]: {name!r}, expected a file name")
        where = f"{path}, frame {frame}, camera {camera}"
        entries[camera] = _Entry(of_frame["k"][index], of_frame["w2c"][index], name, where)
    return entries


def _standing_cameras(meta: _Meta, frames: Sequence[int]) -> dict[int, Camera]:
    """The cameras of the frames, which must be the same in all of them."""
    first = meta.frames[frames[0]]
    for frame in frames:
        entries = meta.frames[frame]
        odd = sorted(entries.keys() ^ first.keys())
        if odd:
            has, lacks = (frame, frames[0]) if odd[0] in entries else (frames[0], frame)
            raise CaptureError(f"{meta.path}, cam_id: frame {has} has camera {odd[0]}, which frame {lacks} lacks")
        for camera, entry in entries.items():
            if (entry.k, entry.w2c) != (first[camera].k, first[camera].w2c):
                raise CaptureError(f"{entry.where}: k or w2c differ from frame {frames[0]}; expected a standing camera")
    return {
        camera: Camera(
            as_intrinsics(entry.k, f"{entry.where}, k"), torch.linalg.inv(as_pose(entry.w2c, f"{entry.where}, w2c"))
        )
        for camera, entry in first.items()
    }


def _as_list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise CaptureError(f"{where}: a JSON {type(value).__name__}, expected a list")
    return value
