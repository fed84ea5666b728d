import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from projection import assert_dots_are_where_points_project
from tiny_captures import HEIGHT, WIDTH, Capture, edit_json, write_panoptic

from nerfzip.data import VolumetricScene
from nerfzip.data.panoptic import load_panoptic
from nerfzip.data.visual_hull import carve
from nerfzip.errors import CaptureError

BOX = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return write_panoptic(tmp_path)


def load(capture: Capture, **settings: object) -> VolumetricScene:
    given = {"test_cameras": [9], "box": BOX, **settings}
    return load_panoptic(capture.root, capture.scene, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("downscale", [1, 2])
def test_points_project_onto_their_dots_in_every_frame(capture: Capture, downscale: int) -> None:
    video = load(capture, downscale=downscale)
    assert len(video) == 4
    for number, frame in enumerate(video.frames):
        assert frame.train.names == tuple(f"camera {camera}, frame {number}" for camera in (2, 1, 5))
        assert frame.test.names == (f"camera 9, frame {number}",)
        for views in frame.splits.values():
            assert (views.cameras.width, views.cameras.height) == (WIDTH // downscale, HEIGHT // downscale)
            assert_dots_are_where_points_project(views, capture, downscale)


def test_masks_are_alpha_and_are_averaged(capture: Capture) -> None:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[0, 0] = mask[2:4, 4:6] = mask[4, 6:8] = True
    Image.fromarray(mask).save(capture.folder / "seg/1/000002.png")
    frame = load(capture, downscale=2, background=(0.0, 1.0, 0.0)).frames[2]
    expected = np.zeros((HEIGHT // 2, WIDTH // 2))
    expected[0, 0], expected[1, 2], expected[2, 3] = 0.25, 1, 0.5
    np.testing.assert_allclose(frame.train.rgba(1)[..., 3], expected)
    assert frame.train.image(1, frame.background)[5, 5].tolist() == [0, 255, 0]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(":", [0, 1, 2, 3]), ("1:3", [1, 2]), ("0:4:2", [0, 2]), ("2:", [2, 3]), (":1", [0]), ("::3", [0, 3])],
)
def test_ranges_of_frames(capture: Capture, frames: str, expected: list[int]) -> None:
    video = load(capture, frames=frames)
    assert [frame.test.names[0] for frame in video.frames] == [f"camera 9, frame {number}" for number in expected]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ("0:5", r"frames: '0:5' goes too far: .*train_meta\.json has 4 frames, 0 to 3"),
        ("3:3", r"frames: '3:3' holds no frame: .*has 4 frames, 0 to 3"),
        ("9:", r"frames: '9:' holds no frame: .*has 4 frames, 0 to 3"),
        ("-1:2", r"frames: '-1:2', expected start:stop"),
        ("0:4:0", r"frames: '0:4:0', expected start:stop"),
        (3, r"frames: 3, expected start:stop"),
    ],
)
def test_impossible_ranges(capture: Capture, frames: object, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        load(capture, frames=frames)


@pytest.mark.parametrize(
    ("test_cameras", "message"),
    [
        ([0], r"train_meta\.json has no camera 0; it has 2, 1, 5, 9"),
        ([], "expected at least one"),
        ([2, 2], "each once"),
        ([2, 1, 5, 9], "of 4 cameras one left to train"),
    ],
)
def test_impossible_test_cameras(capture: Capture, test_cameras: list[int], message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        load(capture, test_cameras=test_cameras)


def edit_frame(capture: Capture, key: str, frame: int | None, values: object) -> None:
    """Replace the values of one frame, or of all."""
    path = capture.folder / "train_meta.json"
    entries = json.loads(path.read_text())[key]
    edit_json(path, **{key: [values if frame in (None, index) else old for index, old in enumerate(entries)]})


def test_entries_are_found_by_camera_and_not_by_position(capture: Capture) -> None:
    before = load(capture)
    document = json.loads((capture.folder / "train_meta.json").read_text())
    for key in ("cam_id", "fn", "k", "w2c"):
        edit_frame(capture, key, 1, document[key][1][::-1])
    after = load(capture)
    assert after.frames[1].train.names == before.frames[1].train.names
    assert torch.equal(after.frames[1].train.rgba(0), before.frames[1].train.rgba(0))
    assert_dots_are_where_points_project(after.frames[1].train, capture, 1)


@pytest.mark.parametrize("key", ["w", "h", "k", "w2c", "fn", "cam_id"])
def test_missing_key(capture: Capture, key: str) -> None:
    edit_json(capture.folder / "train_meta.json", **{key: None})
    with pytest.raises(CaptureError, match=rf"train_meta\.json: the key '{key}' is missing"):
        load(capture)


@pytest.mark.parametrize(
    ("key", "frame", "values", "message"),
    [
        ("cam_id", 1, [2, 1, 5, 7], r"cam_id: frame 1 has camera 7, which frame 0 lacks"),
        ("cam_id", 1, [2, 1, 5, 5], r"cam_id\[1\]\[3\]: 5, expected a whole number, each once"),
        ("cam_id", 1, [2, 1, 5], r"fn\[1\]: 4 cameras, expected 3 as in cam_id"),
        ("fn", 2, ["2/0.jpg", 1, "5/0.jpg", "9/0.jpg"], r"fn\[2\]\[1\]: 1, expected a file name"),
        ("w2c", 2, "none", r"w2c\[2\]: a JSON str, expected a list"),
        ("k", None, [[[40, 0, 16], [0, 40, 12]]] * 4, r"frame 0, camera 2, k: expected three rows of three numbers"),
        ("k", None, [[[0, 0, 16], [0, 40, 12], [0, 0, 1]]] * 4, r"camera 2, k, fx: 0, expected a positive number"),
        ("k", None, [[[40, 3, 16], [0, 40, 12], [0, 0, 1]]] * 4, r"camera 2, k: a skew of 3"),
        ("k", 3, [[[41, 0, 16], [0, 40, 12], [0, 0, 1]]] * 4, r"frame 3, camera 2: k or w2c differ from frame 0"),
        ("w2c", None, [np.diag([1, 1, 2, 1]).tolist()] * 4, r"frame 0, camera 2, w2c: the pose is not rigid"),
    ],
)
def test_broken_entries(capture: Capture, key: str, frame: int | None, values: object, message: str) -> None:
    edit_frame(capture, key, frame, values)
    with pytest.raises(CaptureError, match=message):
        load(capture)


def test_lists_of_unequal_length(capture: Capture) -> None:
    edit_json(capture.folder / "train_meta.json", fn=[])
    with pytest.raises(CaptureError, match=r"fn: 0 frames, expected 4 as in cam_id"):
        load(capture)


def test_only_what_is_chosen_must_be_there(capture: Capture) -> None:
    (capture.folder / "ims/5/000003.jpg").unlink()
    assert len(load(capture, frames="0:3")) == 3
    with pytest.raises(CaptureError, match=r"ims/5/000003\.jpg: no such image file"):
        load(capture)
    (capture.folder / "seg/5/000001.png").unlink()
    with pytest.raises(CaptureError, match=r"seg/5/000001\.png: no such image file"):
        load(capture, frames="0:3")


def test_images_and_masks_of_another_size(capture: Capture) -> None:
    Image.new("1", (WIDTH + 1, HEIGHT)).save(capture.folder / "seg/5/000001.png")
    with pytest.raises(CaptureError, match=r"seg/5/000001\.png: the image is 33×24 pixels, expected 32×24"):
        load(capture)
    Image.new("RGB", (WIDTH, HEIGHT)).save(capture.folder / "seg/5/000001.png")
    with pytest.raises(CaptureError, match=r"seg/5/000001\.png: pixels of Pillow's mode RGB, expected one of 1, L"):
        load(capture)
    Image.new("RGB", (WIDTH, HEIGHT + 1)).save(capture.folder / "ims/2/000000.jpg")
    with pytest.raises(CaptureError, match=r"ims/2/000000\.jpg: the image is 32×25 pixels, expected 32×24"):
        load(capture)


@pytest.mark.parametrize("file", ["ims/2/000001.jpg", "seg/2/000001.png"])
def test_damaged_pixels_are_reported_when_they_are_read(capture: Capture, file: str) -> None:
    data = (capture.folder / file).read_bytes()
    (capture.folder / file).write_bytes(data[: len(data) // 2 + 10])
    with pytest.raises(CaptureError, match=Path(file).name):
        load(capture).frames[1].train.rgba(0)


def test_fingerprint(capture: Capture) -> None:
    video = load(capture, frames="0:3")
    assert len({video.fingerprint, *(frame.fingerprint for frame in video.frames)}) == 4
    Image.new("1", (WIDTH, HEIGHT)).save(capture.folder / "seg/2/000003.png")  # Not chosen.
    assert load(capture, frames="0:3").fingerprint == video.fingerprint
    assert load(capture, frames="0:2").fingerprint != video.fingerprint
    assert load(capture, frames="0:3", test_cameras=[2]).fingerprint != video.fingerprint
    Image.new("1", (WIDTH, HEIGHT)).save(capture.folder / "seg/2/000002.png")
    assert load(capture, frames="0:3").fingerprint != video.fingerprint


def test_empty_masks_are_named_by_their_frame(capture: Capture) -> None:
    for camera in (2, 1, 5):
        Image.new("1", (WIDTH, HEIGHT)).save(capture.folder / f"seg/{camera}/000001.png")
    with pytest.raises(CaptureError, match="juggle, frame 1: the masks of all 3 cameras are empty"):
        load(capture, frames="1:3", box=None)


def test_basketball(shared_data: Path) -> None:
    """Ball and players, by their masks in cameras that did not carve, lie in the projected hull."""
    video = load_panoptic(shared_data / "panoptic", frames="0:20:10", downscale=2)
    assert [len(views) for views in video.frames[0].splits.values()] == [23, 4]
    assert video.box == video.frames[1].box
    # The range in which the sheet found people, about, with what 20 of the 150 frames show.
    low, high = np.array(video.box.minimum), np.array(video.box.maximum)
    assert (low > [-1.4, -2.2, -2.9]).all() and (high < [1.9, 0.6, 2.4]).all()
    resolution = (64, 96, 160)
    for number, frame in enumerate(video.frames):
        hull = carve(frame.train, frame.box, resolution, fewest_views=8, misses=1, frame=str(number))
        voxels = torch.from_numpy(np.argwhere(hull) / (np.array(resolution) - 1) * (high - low) + low).float()
        for view in range(4):
            foreground = frame.test.rgba(view)[..., 3].numpy() > 0.5
            column, row, depth = frame.test.cameras.project(voxels, view).unbind(-1)
            inside = (depth > 0) & (column >= 0) & (column < 320) & (row >= 0) & (row < 180)
            pixels = np.zeros_like(foreground)
            pixels[row[inside].int(), column[inside].int()] = True
            assert (grown(pixels, 2) & foreground).sum() > 0.95 * foreground.sum()
            assert (pixels & grown(foreground, 4)).sum() > 0.9 * pixels.sum()


def grown(pixels: np.ndarray, steps: int) -> np.ndarray:
    for _ in range(steps):
        pixels = pixels | np.roll(pixels, 1, 0) | np.roll(pixels, -1, 0)
        pixels = pixels | np.roll(pixels, 1, 1) | np.roll(pixels, -1, 1)
    return pixels
