"""Captures of single objects, with views for an encoder."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from projection import assert_dots_are_where_points_project
from tiny_captures import WIDTH, edit_json, write_dtu, write_gso, write_objaverse

from nerfzip.data.dtu import load_dtu
from nerfzip.data.gso import load_gso
from nerfzip.data.objaverse import load_objaverse
from nerfzip.errors import CaptureError

LOADERS = {
    "objaverse": (write_objaverse, load_objaverse),
    "gso": (write_gso, load_gso),
    "dtu": (write_dtu, partial(load_dtu, crop=None)),
    "dtu, not scaled": (partial(write_dtu, with_scale=False), partial(load_dtu, crop=None)),
}


@pytest.mark.parametrize("downscale", [1, 2])
@pytest.mark.parametrize("name", LOADERS)
def test_points_project_onto_their_dots(name: str, downscale: int, tmp_path: Path) -> None:
    write, load = LOADERS[name]
    capture = write(tmp_path)
    for views in load(capture.root, capture.scene, downscale=downscale).splits.values():
        assert_dots_are_where_points_project(views, capture, downscale)


def test_objaverse_has_the_splits_of_the_sheet(tmp_path: Path) -> None:
    capture = write_objaverse(tmp_path)
    splits = load_objaverse(capture.root, capture.scene).splits
    assert {split: len(views) for split, views in splits.items()} == {"train": 24, "test": 16, "source": 16}
    assert splits["source"].names[:5] == ("view_0.png", "view_2.png", "view_4.png", "view_6.png", "view_0_2_10_gt.png")
    assert set(splits["source"].names) < set(splits["train"].names)
    assert not set(splits["train"].names) & set(splits["test"].names)


def test_gso_has_the_splits_of_the_sheet(tmp_path: Path) -> None:
    capture = write_gso(tmp_path, frames=32)
    splits = load_gso(capture.root, capture.scene).splits
    assert splits["source"].names == tuple(f"r_{index:03d}.png" for index in range(0, 32, 2))
    assert splits["test"].names == tuple(f"r_{index:03d}.png" for index in range(1, 32, 4))
    assert len(splits["train"]) == 24


def test_a_view_that_is_not_there_is_named(tmp_path: Path) -> None:
    capture = write_objaverse(tmp_path)
    (capture.folder / "view_3_1_10_gt.png").unlink()
    with pytest.raises(CaptureError, match=r"view_3_1_10_gt\.png: no such image file"):
        load_objaverse(capture.root, capture.scene)


def test_cameras_that_are_not_there_are_named(tmp_path: Path) -> None:
    capture = write_objaverse(tmp_path)
    path = tmp_path / "One2345_training_pose.json"
    poses = json.loads(path.read_text())["c2ws"]
    edit_json(path, c2ws=dict(list(poses.items())[:30]))
    with pytest.raises(CaptureError, match="c2ws: expected an object of more than 38 poses"):
        load_objaverse(capture.root, capture.scene)
    path.unlink()
    with pytest.raises(CaptureError, match=r"One2345_training_pose\.json: no such file"):
        load_objaverse(capture.root, capture.scene)


def test_a_frame_without_intrinsics_is_named(tmp_path: Path) -> None:
    capture = write_gso(tmp_path)
    path = capture.folder / "transforms.json"
    frames = json.loads(path.read_text())["frames"]
    del frames[2]["intrinsic_matrix"]
    edit_json(path, frames=frames)
    with pytest.raises(CaptureError, match=r"frame .*2.*: the key 'intrinsic_matrix' is missing"):
        load_gso(capture.root, capture.scene)
    edit_json(path, frames=frames[:1])
    with pytest.raises(CaptureError, match="frames"):
        load_gso(capture.root, capture.scene)


def test_dtu_has_views_for_an_encoder_and_none_that_is_badly_exposed(tmp_path: Path) -> None:
    capture = write_dtu(tmp_path)
    splits = load_dtu(capture.root, capture.scene, crop=None).splits
    assert {split: len(views) for split, views in splits.items()} == {"train": 16, "test": 18, "source": 8}
    assert not {"000003.png", "000021.png", "000036.png"} & {name for views in splits.values() for name in views.names}


def test_cropping_keeps_the_middle_where_it_is(tmp_path: Path) -> None:
    capture = write_dtu(tmp_path)
    whole, cropped = (load_dtu(capture.root, capture.scene, crop=crop).train for crop in (None, 20))
    assert (cropped.cameras.width, cropped.cameras.height) == (20, 20)
    left, top = 6, 2
    assert WIDTH == 32
    shift = whole.cameras.intrinsics - cropped.cameras.intrinsics
    np.testing.assert_allclose(shift.numpy(), np.broadcast_to([0, 0, left, top], shift.shape), atol=1e-5)
    assert bool((whole.rgba(3)[top : top + 20, left : left + 20] == cropped.rgba(3)).all())
    with pytest.raises(CaptureError, match="crop: 40, expected null or a whole number up to 24"):
        load_dtu(capture.root, capture.scene, crop=40)


def test_cameras_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    capture = write_dtu(tmp_path)
    path = capture.folder / "cameras.npz"
    matrices = dict(np.load(path))
    for spoiled, message in (
        ({"world_mat_7": np.zeros((4, 4))}, "world_mat_7: a singular matrix"),
        ({"world_mat_7": np.ones(3)}, r"world_mat_7: shape \(3,\)"),
        ({"world_mat_7": np.array([{}], dtype=object)}, "not a file of arrays"),
    ):
        np.savez(path, **{**matrices, **spoiled})  # type: ignore[arg-type]
        with pytest.raises(CaptureError, match=message):
            load_dtu(capture.root, capture.scene)
    np.savez(path, **{name: matrix for name, matrix in matrices.items() if name != "world_mat_9"})
    with pytest.raises(CaptureError, match="the array 'world_mat_9' is missing"):
        load_dtu(capture.root, capture.scene)
    path.write_bytes(b"no archive")
    with pytest.raises(CaptureError, match="not a file of arrays"):
        load_dtu(capture.root, capture.scene)
