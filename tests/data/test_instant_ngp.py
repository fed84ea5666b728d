import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from projection import assert_dots_are_where_points_project
from tiny_captures import HEIGHT, WIDTH, Capture, edit_json, look_at_origin_opengl, write_instant_ngp

from nerfzip.data.instant_ngp import load_instant_ngp
from nerfzip.errors import CaptureError

BARREL = {"k1": -0.2, "k2": 0.05, "p1": 0.004, "p2": -0.006}
PINCUSHION = {"k1": 0.25, "k2": 0.1, "p1": -0.01, "p2": 0.008, "k3": 0.02}


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return write_instant_ngp(tmp_path)


@pytest.mark.parametrize("downscale", [1, 2])
def test_known_points_project_onto_their_dots(capture: Capture, downscale: int) -> None:
    scene = load_instant_ngp(capture.folder, downscale=downscale)
    assert scene.name == "photos"
    assert scene.background == (0.0, 0.0, 0.0)
    for views in scene.splits.values():
        assert (views.cameras.width, views.cameras.height) == (WIDTH // downscale, HEIGHT // downscale)
        assert_dots_are_where_points_project(views, capture, downscale)


def test_missing_images_are_skipped_and_every_8th_existing_frame_held_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    capture = write_instant_ngp(tmp_path, frames=20, missing=(0, 5, 9))
    with caplog.at_level(logging.WARNING):
        scene = load_instant_ngp(capture.folder)
    assert [record.getMessage() for record in caplog.records] == [
        f"{capture.folder / 'transforms.json'}: 3 of 20 frames have no image file: skipped"
    ]
    existing = [f"images/{index:04d}.png" for index in range(20) if index not in (0, 5, 9)]
    assert scene.test.names == (existing[0], existing[8], existing[16])
    assert scene.train.names == tuple(name for name in existing if name not in scene.test.names)


def distort(x: float, y: float, k: dict[str, float]) -> tuple[float, float]:
    """OpenCV's model, written out from its documentation."""
    r2 = x**2 + y**2
    radial = 1 + k["k1"] * r2 + k["k2"] * r2**2 + k.get("k3", 0.0) * r2**3
    return (
        x * radial + 2 * k["p1"] * x * y + k["p2"] * (r2 + 2 * x**2),
        y * radial + k["p1"] * (r2 + 2 * y**2) + 2 * k["p2"] * x * y,
    )


@pytest.mark.parametrize("coefficients", [BARREL, PINCUSHION])
@pytest.mark.parametrize("downscale", [1, 2])
def test_a_dot_drawn_at_its_distorted_place_is_found_where_its_point_projects(
    tmp_path: Path, coefficients: dict[str, float], downscale: int
) -> None:
    width, height, focal, cx, cy = 160, 120, 120.0, 77.0, 63.0
    rng = np.random.default_rng(4)
    (tmp_path / "images").mkdir()
    points, frames, shifts = {}, [], []
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    for index in range(8):
        pose = look_at_origin_opengl(rng)
        x, y = rng.uniform(-0.4, 0.4), rng.uniform(-0.28, 0.28)
        x_distorted, y_distorted = distort(x, y, coefficients)
        u, v = x_distorted * focal + cx, y_distorted * focal + cy
        shifts.append(np.hypot(x_distorted - x, y_distorted - y) * focal)
        blob = np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * 2.0**2))
        name = f"images/{index}.png"
        Image.fromarray((255 * blob).round().astype(np.uint8)).convert("RGB").save(tmp_path / name)
        points[name] = pose[:3, :3] @ (3.0 * np.array([x, -y, -1.0])) + pose[:3, 3]
        frames.append({"file_path": name, "transform_matrix": pose.tolist()})
    document = {"fl_x": focal, "fl_y": focal, "cx": cx, "cy": cy, "w": width, "h": height, **coefficients}
    (tmp_path / "transforms.json").write_text(json.dumps({**document, "frames": frames}))
    assert max(shifts) > 2  # pixels: the test would notice a distortion that is not undone

    scene = load_instant_ngp(tmp_path, downscale=downscale)
    for views in scene.splits.values():
        for index, name in enumerate(views.names):
            point = torch.tensor(points[name], dtype=torch.float32)[None]
            column, row, _ = views.cameras.project(point, index)[0].tolist()
            red = views.rgba(index)[..., 0].numpy()
            assert red.shape == (views.cameras.height, views.cameras.width)
            ys, xs = np.mgrid[: red.shape[0], : red.shape[1]] + 0.5
            near = (abs(xs - column) < 6 / downscale) & (abs(ys - row) < 6 / downscale)
            assert near.sum() > 20
            weights = red * near
            assert (xs * weights).sum() / weights.sum() == pytest.approx(column, abs=0.15)
            assert (ys * weights).sum() / weights.sum() == pytest.approx(row, abs=0.15)


def test_camera_angle_alone_is_enough(capture: Capture) -> None:
    path = capture.folder / "transforms.json"
    edit_json(path, fl_x=None, fl_y=None, cx=None, cy=None, w=None, h=None, camera_angle_x=np.pi / 2)
    cameras = load_instant_ngp(capture.folder).train.cameras
    assert cameras.intrinsics[0].tolist() == pytest.approx([WIDTH / 2, WIDTH / 2, WIDTH / 2, HEIGHT / 2])


def test_default_box_is_what_the_cameras_see_where_they_look(capture: Capture) -> None:
    """The cameras of the tiny capture look at the origin from a distance of 4."""
    scene = load_instant_ngp(capture.folder, box_scale=1.0)
    radius = 4 * np.hypot(WIDTH / 2 + 1.25, HEIGHT / 2 + 0.75) / 40
    corners = np.array([scene.box.minimum, scene.box.maximum])
    assert (abs(corners) <= radius + 1e-4).all()
    assert (abs(corners) >= 0.8).all()
    doubled = load_instant_ngp(capture.folder, box_scale=2.0).box
    np.testing.assert_allclose(np.subtract(doubled.maximum, doubled.minimum), 2 * (corners[1] - corners[0]), rtol=1e-6)
    assert scene.near == pytest.approx(2.0, abs=1e-4)
    chosen = load_instant_ngp(capture.folder, box=[[-1, -1, -1], [1, 1, 1]], near=0.5, far=9)
    assert (chosen.box.maximum, chosen.near, chosen.far) == ((1.0, 1.0, 1.0), 0.5, 9.0)


def test_parallel_cameras_get_instant_ngps_box(capture: Capture, caplog: pytest.LogCaptureFixture) -> None:
    path = capture.folder / "transforms.json"
    frames = json.loads(path.read_text())["frames"]
    for index, frame in enumerate(frames):
        frame["transform_matrix"] = [[1, 0, 0, index], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    edit_json(path, frames=frames)
    scene = load_instant_ngp(capture.folder)
    assert scene.box.maximum == pytest.approx([2 / 0.33] * 3)
    assert "look at no common point" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fl_x": None, "camera_angle_x": None}, "neither of the keys 'fl_x' and 'camera_angle_x'"),
        ({"fl_x": 0}, "fl_x: 0, expected a positive number"),
        ({"k1": "a"}, "k1: 'a', expected a finite number"),
        ({"k1": 1e6}, "undoing the lens distortion leaves no pixel"),
        ({"w": WIDTH + 1}, r"0000\.png: the image is 32×24 pixels, expected 33×24"),
        ({"w": 1e9, "h": 1e9, "k1": 0.1}, r"0000\.png: the image is 32×24 pixels"),
        ({"is_fisheye": True}, "fisheye"),
        ({"camera_model": "OPENCV_FISHEYE"}, "fisheye"),
    ],
)
def test_broken_transforms(capture: Capture, changes: dict[str, object], message: str) -> None:
    edit_json(capture.folder / "transforms.json", **changes)
    with pytest.raises(CaptureError, match=message):
        load_instant_ngp(capture.folder)


def test_cameras_that_differ_are_refused(capture: Capture) -> None:
    path = capture.folder / "transforms.json"
    frames = json.loads(path.read_text())["frames"]
    frames[3]["fl_x"] = 50.0
    edit_json(path, frames=frames)
    with pytest.raises(CaptureError, match=r"images/0003\.png has its own fl_x; expected one camera"):
        load_instant_ngp(capture.folder)


def test_missing_things_are_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="nowhere: no such folder"):
        load_instant_ngp(tmp_path / "nowhere")
    capture = write_instant_ngp(tmp_path, frames=3, missing=(0, 2))
    with pytest.raises(CaptureError, match=r"no transforms\.json in this folder; these folders in it have one: photos"):
        load_instant_ngp(tmp_path)
    with pytest.raises(CaptureError, match="1 frames with an image"):
        load_instant_ngp(capture.folder)


def test_fox(shared_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene = load_instant_ngp(shared_data / "fox")
    assert (len(scene.train), len(scene.test)) == (43, 7)
    assert "17 of 67 frames have no image file" in caplog.text
    # The photographs are 540×960; undoing their distortion costs less than 2 % on each side.
    assert 520 < scene.train.cameras.width < 540
    assert 940 < scene.train.cameras.height < 960
    assert scene.train.rgba(0).shape == (scene.train.cameras.height, scene.train.cameras.width, 4)
    # Triangulated image features (SIFT, 1 % to 99 %) lie within these bounds; the default box holds them.
    assert all(low < bound for low, bound in zip(scene.box.minimum, (-1.4, -2.8, -4.65), strict=True))
    assert all(high > bound for high, bound in zip(scene.box.maximum, (2.2, 1.8, 3.5), strict=True))
    assert scene.near < 2.6
    assert scene.far > 8.6
