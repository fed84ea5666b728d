"""Which views are measured, in which order and under which file names; and which methods take which captures."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_method import load_tiny_scene

from nerfzip.benchmark import measured_views as measured
from nerfzip.benchmark.measured_views import measured_cameras, measured_views
from nerfzip.data.scene import Scene, Views, VolumetricScene
from nerfzip.errors import ConfigError
from nerfzip.geometry import Cameras
from nerfzip.method import check_capture

STATIC: Any = SimpleNamespace()
VOLUMETRIC: Any = SimpleNamespace(volumetric=True)


def a_scene(train: int = 5) -> Scene:
    """Two test views, and training cameras whose place tells their index."""
    scene: Scene = load_tiny_scene(views=2, shade=0.5)
    test = scene.test.cameras
    poses = torch.eye(4).repeat(train, 1, 1)
    poses[:, 0, 3] = torch.arange(train)
    cameras = Cameras(poses, test.intrinsics[:1].repeat(train, 1), test.width, test.height)
    names = tuple(f"train {index}" for index in range(train))
    return dataclasses.replace(scene, splits={**scene.splits, "train": Views(cameras, names, scene.test.read_rgba)})


def test_training_views_are_evenly_spaced_behind_the_test_views() -> None:
    scene = a_scene()
    views = measured_views(scene, 3)
    assert [(view.split, view.index, view.name, view.file) for view in views] == [
        ("test", 0, "view 0", "000.png"),
        ("test", 1, "view 1", "001.png"),
        ("train", 0, "train 0", "002.png"),
        ("train", 2, "train 2", "003.png"),
        ("train", 4, "train 4", "004.png"),
    ]
    cameras = measured_cameras(scene, 3)
    assert torch.equal(cameras.camera_to_world[:2], scene.test.cameras.camera_to_world)
    assert cameras.camera_to_world[2:, 0, 3].tolist() == [0, 2, 4]
    assert len(measured_views(scene, 99)) == len(measured_cameras(scene, 99)) == 2 + 5
    assert measured_views(scene, 0) == measured.test_views(scene)


def test_of_a_video_each_frame_has_its_views() -> None:
    scene = a_scene()
    views = measured_views(VolumetricScene((scene, scene), "print"), 1)
    assert [(view.frame, view.split, view.file) for view in views] == [
        (0, "test", "0000/000.png"),
        (0, "test", "0000/001.png"),
        (0, "train", "0000/002.png"),
        (1, "test", "0001/000.png"),
        (1, "test", "0001/001.png"),
        (1, "train", "0001/002.png"),
    ]
    # A video of one frame is a video still.
    assert measured_views(VolumetricScene((scene,), "print"), 0)[0].file == "0000/000.png"


def test_training_views_of_another_size_are_refused() -> None:
    scene = a_scene()
    cameras = dataclasses.replace(scene.train.cameras, width=5)
    scene.splits["train"] = dataclasses.replace(scene.train, cameras=cameras)
    assert len(measured_cameras(scene, 0)) == 2
    with pytest.raises(ConfigError, match="train_views: the training images have 5×"):
        measured_cameras(scene, 1)


def test_methods_refuse_captures_of_the_other_kind() -> None:
    scene = a_scene()
    video = VolumetricScene((scene, scene), "print")
    check_capture(STATIC, "still", scene)
    check_capture(VOLUMETRIC, "moving", video)
    with pytest.raises(ConfigError, match="method still takes a static scene; grey is a volumetric video of 2 frames"):
        check_capture(STATIC, "still", video)
    with pytest.raises(ConfigError, match="method moving takes a volumetric video; grey is a static scene"):
        check_capture(VOLUMETRIC, "moving", scene)
