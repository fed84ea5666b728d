"""Which views of a capture are rendered and compared, and in which order."""

from dataclasses import dataclass

import numpy as np
import torch

from nerfzip.data.scene import Capture, Views, frames_of
from nerfzip.errors import ConfigError
from nerfzip.geometry import Cameras
from nerfzip.rendering.images import image_name

TEST, TRAIN = "test", "train"


@dataclass(frozen=True)
class MeasuredView:
    """One image of one frame.

    Attributes:
        frame: 0 in a static scene.
        split: "test" or "train".
        index: in the split's views.
        file: the rendered image, in the folder of images.
    """

    frame: int
    split: str
    index: int
    name: str
    file: str


def measured_cameras(capture: Capture, train_views: int) -> Cameras:
    """All test cameras, then as many training cameras, evenly spaced (or all, if there are no more).

    Raises:
        ConfigError: the training images have another size than the test images.
    """
    scene = frames_of(capture)[0]
    test = scene.test.cameras
    if train_views == 0:
        return test
    train = scene.train.cameras
    if (train.width, train.height) != (test.width, test.height):
        sizes = f"{train.width}×{train.height}, those for testing {test.width}×{test.height}"
        raise ConfigError(f"train_views: the training images have {sizes}; expected one size")
    chosen = _chosen(scene.train, train_views)
    return Cameras(
        torch.cat([test.camera_to_world, train.camera_to_world[chosen]]),
        torch.cat([test.intrinsics, train.intrinsics[chosen]]),
        test.width,
        test.height,
    )


def measured_views(capture: Capture, train_views: int) -> list[MeasuredView]:
    """Frame by frame, in the order of `measured_cameras`."""
    scenes = frames_of(capture)
    video = len(scenes) > 1 or scenes[0] is not capture
    views = []
    for frame, scene in enumerate(scenes):
        chosen = [(TEST, index) for index in range(len(scene.test))]
        chosen += [(TRAIN, index) for index in _chosen(scene.train, train_views)]
        for camera, (split, index) in enumerate(chosen):
            file = frame_image_name(frame if video else None, camera)
            views.append(MeasuredView(frame, split, index, scene.splits[split].names[index], file))
    return views


def test_views(capture: Capture) -> list[MeasuredView]:
    """Those that are measured in any case, under the same file names."""
    return measured_views(capture, train_views=0)


def frame_image_name(frame: int | None, camera: int) -> str:
    """Where in the folder of images a rendered view lies; static scenes have no frame."""
    return image_name(camera) if frame is None else f"{frame:04d}/{image_name(camera)}"


def _chosen(train: Views, count: int) -> list[int]:
    return [int(i) for i in np.linspace(0, len(train) - 1, min(count, len(train))).round()]
