from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from projection import assert_dots_are_where_points_project
from tiny_captures import Capture, write_nsvf

from nerfzip.data.nsvf import load_nsvf, load_tanks_temples
from nerfzip.errors import CaptureError

BROKEN_INTRINSICS = "1166.56 960.0 540.0 0.\n0. 0. 0.\n0.\n1.\n1080 1920\n"


@pytest.fixture
def toad(tmp_path: Path) -> Capture:
    return write_nsvf(tmp_path)


@pytest.fixture
def truck(tmp_path: Path) -> Capture:
    return write_nsvf(tmp_path, "Truck", "tanks")


@pytest.mark.parametrize("downscale", [1, 2])
def test_synthetic_points_project_onto_their_dots(toad: Capture, downscale: int) -> None:
    scene = load_nsvf(toad.root, toad.scene, downscale=downscale)
    assert {split: views.names[0] for split, views in scene.splits.items()} == {
        "train": "0_train_0000.png",
        "val": "1_val_0000.png",
        "test": "2_test_0000.png",
    }
    for views in scene.splits.values():
        assert len(views) == 3
        assert_dots_are_where_points_project(views, toad, downscale)


@pytest.mark.parametrize("downscale", [1, 2])
def test_tanks_points_project_onto_their_dots(truck: Capture, downscale: int) -> None:
    scene = load_tanks_temples(truck.root, truck.scene, downscale=downscale)
    assert {split: len(views) for split, views in scene.splits.items()} == {"train": 3, "test": 3}
    for views in scene.splits.values():
        assert_dots_are_where_points_project(views, truck, downscale)


def test_box_near_and_far(toad: Capture) -> None:
    scene = load_nsvf(toad.root, toad.scene)
    assert (scene.box.minimum, scene.box.maximum) == ((-1.0, -0.5, -2.0), (1.0, 1.5, 2.0))
    enlarged = load_nsvf(toad.root, toad.scene, box_scale=1.2).box
    np.testing.assert_allclose([enlarged.minimum, enlarged.maximum], [[-1.2, -0.7, -2.4], [1.2, 1.7, 2.4]])
    # Slow reference: dense samples of the box.
    points = np.stack(np.meshgrid(*(np.linspace(a, b, 41) for a, b in [(-1, 1), (-0.5, 1.5), (-2, 2)])), -1)
    poses = np.concatenate([views.cameras.camera_to_world.numpy() for views in scene.splits.values()])
    distances = [np.linalg.norm(points - pose[:3, 3], axis=-1) for pose in poses]
    assert scene.near == pytest.approx(min(distance.min() for distance in distances), abs=0.05)
    assert scene.far == pytest.approx(max(distance.max() for distance in distances), abs=1e-5)


def test_ignatius_gets_its_known_intrinsics(tmp_path: Path) -> None:
    capture = write_nsvf(tmp_path, "Ignatius", "tanks")
    (capture.folder / "intrinsics.txt").write_text(BROKEN_INTRINSICS)
    for image in (capture.folder / "rgb").iterdir():
        Image.new("L", (1920, 1080), 255).save(image)
    scene = load_tanks_temples(capture.root, "Ignatius")
    assert scene.train.cameras.intrinsics[0].tolist() == pytest.approx([1166.5649368, 1166.5649368, 960, 540])
    for image in (capture.folder / "rgb").iterdir():
        Image.new("L", (192, 108), 255).save(image)
    scene = load_tanks_temples(capture.root, "Ignatius")
    assert scene.test.cameras.intrinsics[0].tolist() == pytest.approx([116.65649368, 116.65649368, 96, 54])
    for image in (capture.folder / "rgb").iterdir():
        Image.new("L", (192, 192), 255).save(image)
    with pytest.raises(CaptureError, match="known for Ignatius are for 1920×1080"):
        load_tanks_temples(capture.root, "Ignatius")


@pytest.mark.parametrize("text", [BROKEN_INTRINSICS, "", "# Camera list\n1 PINHOLE 1920 1080\n"])
def test_other_scenes_with_malformed_intrinsics_are_refused(truck: Capture, text: str) -> None:
    (truck.folder / "intrinsics.txt").write_text(text)
    with pytest.raises(CaptureError, match=r"intrinsics\.txt: .*expected"):
        load_tanks_temples(truck.root, truck.scene)


def test_the_first_pair_that_disagrees_is_named(toad: Capture) -> None:
    (toad.folder / "pose" / "0_train_0001.txt").rename(toad.folder / "pose" / "0_train_0007.txt")
    with pytest.raises(CaptureError, match=r"rgb/0_train_0001\.png meets pose/0_train_0002\.txt"):
        load_nsvf(toad.root, toad.scene)


def test_unequal_counts(toad: Capture) -> None:
    (toad.folder / "pose" / "2_test_0002.txt").unlink()
    with pytest.raises(CaptureError, match=r"9 images in rgb, 8 poses .*rgb/2_test_0002\.png"):
        load_nsvf(toad.root, toad.scene)
    (toad.folder / "rgb" / "2_test_0002.png").unlink()
    (toad.folder / "rgb" / "2_test_0001.png").unlink()
    with pytest.raises(CaptureError, match=r"7 images in rgb, 8 poses .*pose/2_test_0001\.txt"):
        load_nsvf(toad.root, toad.scene)


def test_empty_split_and_unknown_prefix(toad: Capture) -> None:
    with pytest.raises(CaptureError, match=r"2_test_0000\.png: the name starts with '2', expected 0 \(train\), 1"):
        load_tanks_temples(toad.root, toad.scene)
    for folder in ("rgb", "pose"):
        for path in (toad.folder / folder).glob("2_*"):
            path.unlink()
    with pytest.raises(CaptureError, match="the split 'test' is empty"):
        load_nsvf(toad.root, toad.scene)
    for path in (toad.folder / "rgb").iterdir():
        path.unlink()
    with pytest.raises(CaptureError, match=r"rgb: no .*\.png"):
        load_nsvf(toad.root, toad.scene)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("pose/1_val_0001.txt", "1 0 0 0\n0 1 0 0\n0 0 nan 0\n0 0 0 1", "nan, expected a finite number"),
        ("pose/1_val_0001.txt", "1 0 0 0\n0 2 0 0\n0 0 1 0\n0 0 0 1", "not rigid"),
        ("pose/1_val_0001.txt", "1 0 0 0\n0 1 0 0\n0 0 1 0", "expected four rows"),
        ("pose/1_val_0001.txt", "one", "expected rows of numbers"),
        ("intrinsics.txt", "", "expected the focal length"),
        ("intrinsics.txt", "-3", "expected a positive number"),
        ("bbox.txt", "0 0 0 1 1", "5 numbers, expected the six"),
        ("bbox.txt", "0 0 0 1 1 -1 0.1", "expected a maximum above the minimum"),
    ],
)
def test_broken_text_files(toad: Capture, file: str, text: str, message: str) -> None:
    (toad.folder / file).write_text(text)
    with pytest.raises(CaptureError, match=rf"{Path(file).name}.*{message}"):
        load_nsvf(toad.root, toad.scene)


@pytest.mark.parametrize("name", ["intrinsics.txt", "bbox.txt"])
def test_missing_text_file(toad: Capture, name: str) -> None:
    (toad.folder / name).unlink()
    with pytest.raises(CaptureError, match=f"{name}: no such file"):
        load_nsvf(toad.root, toad.scene)


def test_fingerprint_sees_which_split_a_file_is_in(toad: Capture) -> None:
    original = load_nsvf(toad.root, toad.scene).fingerprint
    for folder, suffix in (("rgb", "png"), ("pose", "txt")):
        (toad.folder / folder / f"1_val_0000.{suffix}").rename(toad.folder / folder / f"0_val_0000.{suffix}")
    scene = load_nsvf(toad.root, toad.scene)
    assert len(scene.train) == 4
    assert scene.fingerprint != original
