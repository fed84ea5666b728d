"""What the loaders of volumetric videos share: which frames, which cameras, and the scene made of them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.data.bounds import distance_range
from nerfzip.data.checks import check_range
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import Rgba, downscale_rgba
from nerfzip.data.scene import Scene, Views, VolumetricScene
from nerfzip.data.views import Intrinsics, Size, make_cameras
from nerfzip.errors import CaptureError
from nerfzip.geometry import Box, Cameras, Colour

ReadFrame = Callable[[int, int], Rgba]
"""Frame number and camera number -> what the camera saw then, at the size of the files, with alpha."""
Reduce = Callable[[Rgba, int], Rgba]
"""An image and an integer factor -> the image with pixels that are so many times as large."""


@dataclass(frozen=True)
class Camera:
    """One camera of a rig, which stands still.

    Attributes:
        intrinsics: fx, fy, cx, cy in pixels of the files.
        camera_to_world: OpenCV axes.
    """

    intrinsics: Intrinsics
    camera_to_world: Float[Tensor, "4 4"]


@dataclass(frozen=True)
class Rig:
    """The cameras of a volumetric video.

    Attributes:
        cameras: by their number in the capture.
        splits: their numbers by split.
        size: width and height of their images on disk.
    """

    cameras: Mapping[int, Camera]
    splits: Mapping[str, Sequence[int]]
    size: Size

    def of(self, numbers: Sequence[int], downscale: int) -> Cameras:
        """Some of the cameras, after downscaling."""
        chosen = [self.cameras[number] for number in numbers]
        poses = [camera.camera_to_world for camera in chosen]
        return make_cameras(poses, [camera.intrinsics for camera in chosen], self.size, downscale)

    def video(
        self,
        name: str,
        frames: Sequence[int],
        read: ReadFrame,
        downscale: int,
        box: Box,
        near: float | None,
        far: float | None,
        background: Colour,
        digest: str,
        reduce: Reduce = downscale_rgba,
    ) -> VolumetricScene:
        """The capture as a scene; images are read when they are asked for, and then reduced by `downscale`.

        Args:
            near, far: by default the smallest distance of a camera from the box, the largest from one of its corners.
            digest: the video's fingerprint; with its number it gives a frame's.
            reduce: how images are reduced.
        """
        positions = torch.stack([camera.camera_to_world[:3, 3] for camera in self.cameras.values()])
        nearest, farthest = distance_range(positions, box)
        near, far = check_range(nearest if near is None else near, farthest if far is None else far)
        cameras = {split: self.of(numbers, downscale) for split, numbers in self.splits.items()}

        def views(split: str, frame: int) -> Views:
            numbers = self.splits[split]
            names = tuple(f"camera {number}, frame {frame}" for number in numbers)
            return Views(cameras[split], names, lambda view: reduce(read(frame, numbers[view]), downscale))

        scenes = []
        for frame in frames:
            of_frame = fingerprint({"video": digest, "frame": frame}, [])
            by_split = {split: views(split, frame) for split in self.splits}
            scenes.append(Scene(name, by_split, box, near, far, background, of_frame))
        return VolumetricScene(tuple(scenes), digest)


def chosen_frames(frames: str, available: int, where: Path) -> range:
    """The frames that a setting such as "0:10", "0:20:2" or "5:" (start:stop:step, as a slice) names.

    Args:
        available: how many frames `where` holds.

    Raises:
        CaptureError: it is no such range, is empty, or goes beyond what there is.
    """
    match = re.fullmatch(r"(\d*):(\d*)(?::(\d+))?", frames) if isinstance(frames, str) else None
    if match is None or (match[3] and int(match[3]) == 0):
        raise CaptureError(f"frames: {frames!r}, expected start:stop or start:stop:step, such as 0:10 or 0:20:2")
    chosen = range(int(match[1] or 0), int(match[2] or available), int(match[3] or 1))
    there = f"{where} has {available} frames, 0 to {available - 1}"
    if chosen.stop > available:
        raise CaptureError(f"frames: {frames!r} goes too far: {there}")
    if not chosen:
        raise CaptureError(f"frames: {frames!r} holds no frame: {there}")
    return chosen


def evenly_spaced(cameras: Sequence[int], count: int) -> list[int]:
    """`count` of the cameras, in the middle of equal parts of their list."""
    return [cameras[(2 * part + 1) * len(cameras) // (2 * count)] for part in range(count)]


def split_cameras(cameras: Sequence[int], test_cameras: Sequence[int], where: Path) -> dict[str, list[int]]:
    """Camera numbers by split: those to hold out, in the order given, and the others.

    Raises:
        CaptureError: a camera to hold out is not there or named twice, or one of the splits is empty.
    """
    test = list(test_cameras)
    missing = [camera for camera in test if camera not in cameras]
    if missing:
        raise CaptureError(f"test_cameras: {where} has no camera {missing[0]!r}; it has {', '.join(map(str, cameras))}")
    train = [camera for camera in cameras if camera not in test]
    if not train or not test or len(set(test)) < len(test):
        raise CaptureError(
            f"test_cameras: {test}, expected at least one, each once, and of {len(cameras)} cameras one left to train"
        )
    return {"train": train, "test": test}
