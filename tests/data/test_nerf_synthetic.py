import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from projection import assert_dots_are_where_points_project
from tiny_captures import HEIGHT, WIDTH, Capture, edit_json, write_nerf_synthetic

from nerfzip.data.nerf_synthetic import load_nerf_synthetic
from nerfzip.errors import CaptureError


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return write_nerf_synthetic(tmp_path)


@pytest.mark.parametrize("downscale", [1, 2])
def test_known_points_project_onto_their_dots(capture: Capture, downscale: int) -> None:
    scene = load_nerf_synthetic(capture.root, capture.scene, downscale=downscale)
    assert set(scene.splits) == {"train", "test", "val"}
    for views in scene.splits.values():
        assert len(views) == 3
        assert (views.cameras.width, views.cameras.height) == (WIDTH // downscale, HEIGHT // downscale)
        assert_dots_are_where_points_project(views, capture, downscale)


def test_images_are_composited_on_white(capture: Capture) -> None:
    scene = load_nerf_synthetic(capture.root, capture.scene)
    image = scene.train.image(0, scene.background)
    column, row = capture.pixels[scene.train.names[0]]
    assert image[row, column].tolist() == [255, 0, 0]
    assert int((image == 255).all(dim=-1).sum()) == WIDTH * HEIGHT - 4


def test_val_is_optional(tmp_path: Path) -> None:
    capture = write_nerf_synthetic(tmp_path, ("train", "test"))
    assert set(load_nerf_synthetic(capture.root, capture.scene).splits) == {"train", "test"}


def test_fingerprint_follows_content_and_settings_not_place(capture: Capture, tmp_path: Path) -> None:
    original = load_nerf_synthetic(capture.root, capture.scene).fingerprint
    copy = Path(shutil.copytree(capture.folder, tmp_path / "elsewhere" / "copy"))
    assert load_nerf_synthetic(copy.parent, "copy").fingerprint == original
    assert load_nerf_synthetic(copy.parent, "copy", downscale=2).fingerprint != original
    assert load_nerf_synthetic(copy.parent, "copy", far=7.0).fingerprint != original
    with Image.open(copy / "test" / "r_1.png") as image:
        image.putpixel((0, 0), (1, 2, 3, 4))
        image.save(copy / "test" / "r_1.png")
    assert load_nerf_synthetic(copy.parent, "copy").fingerprint != original


def test_rounding_noise_in_a_pose_is_accepted(capture: Capture) -> None:
    path = capture.folder / "transforms_train.json"
    frames = json.loads(path.read_text())["frames"]
    frames[0]["transform_matrix"] = [[round(x, 5) for x in row] for row in frames[0]["transform_matrix"]]
    edit_json(path, frames=frames)
    load_nerf_synthetic(capture.root, capture.scene)


def test_missing_things_are_named(capture: Capture) -> None:
    with pytest.raises(CaptureError, match="nowhere: no such folder"):
        load_nerf_synthetic(capture.root / "nowhere", "toy")
    with pytest.raises(CaptureError, match=r"no scene 'tyo'; found toy"):
        load_nerf_synthetic(capture.root, "tyo")
    (capture.root / "empty").mkdir()
    with pytest.raises(CaptureError, match=r"no scene 'toy'; it has no folders"):
        load_nerf_synthetic(capture.root / "empty", "toy")
    with pytest.raises(CaptureError, match=r"transforms_train\.json: no such file"):
        load_nerf_synthetic(capture.root, "empty")
    (capture.folder / "test" / "r_2.png").unlink()
    with pytest.raises(CaptureError, match=r"r_2\.png: no such image"):
        load_nerf_synthetic(capture.root, "toy")


@pytest.mark.parametrize("downscale", [0, -1, 1.5, 2.0, "2", True, None, 25])
def test_impossible_downscale(capture: Capture, downscale: object) -> None:
    with pytest.raises(CaptureError, match=r"downscale: .*expected"):
        load_nerf_synthetic(capture.root, capture.scene, downscale=downscale)  # type: ignore[arg-type]


def test_wrongly_sized_image(capture: Capture) -> None:
    Image.new("RGBA", (WIDTH, HEIGHT - 1)).save(capture.folder / "test" / "r_0.png")
    with pytest.raises(CaptureError, match=r"r_0\.png: the image is 32×23 pixels, expected 32×24"):
        load_nerf_synthetic(capture.root, capture.scene)


def test_truncated_image_is_reported_when_it_is_read(capture: Capture) -> None:
    path = capture.folder / "train" / "r_1.png"
    path.write_bytes(path.read_bytes()[:60])
    scene = load_nerf_synthetic(capture.root, capture.scene)
    scene.train.rgba(0)
    with pytest.raises(CaptureError, match=r"r_1\.png: the image is truncated"):
        scene.train.rgba(1)


NAN = float("nan")
STRETCHED = [[1.1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
MIRRORED = [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"camera_angle_x": None}, "the key 'camera_angle_x' is missing"),
        ({"camera_angle_x": "0.7"}, "camera_angle_x: '0.7', expected a finite number"),
        ({"camera_angle_x": NAN}, "camera_angle_x: nan, expected a finite number"),
        ({"camera_angle_x": -0.7}, "camera_angle_x: -0.7, expected a positive"),
        ({"camera_angle_x": 40.0}, "camera_angle_x: 40, expected an angle in radians"),
        ({"frames": None}, "the key 'frames' is missing"),
        ({"frames": []}, "frames: an empty list"),
        ({"frames": 3}, "frames: a JSON int, expected a list"),
        ({"frames": ["r_0"]}, r"frames\[0\]: 'r_0', expected an object"),
        ({"frames": [{"transform_matrix": STRETCHED}]}, r"frames\[0\]: the key 'file_path' is missing"),
        ({"frames": [{"file_path": "train/r_0"}]}, r"frames\[0\]: the key 'transform_matrix' is missing"),
        ({"frames": [{"file_path": "train/r_0", "transform_matrix": STRETCHED}]}, r"r_0\): the pose is not rigid"),
        ({"frames": [{"file_path": "train/r_0", "transform_matrix": MIRRORED}]}, r"r_0\): the pose mirrors"),
        (
            {"frames": [{"file_path": "train/r_0", "transform_matrix": [[NAN] * 4] * 4}]},
            r"r_0\): nan, expected a finite",
        ),
        ({"frames": [{"file_path": "train/r_0", "transform_matrix": STRETCHED[:3]}]}, "expected four rows"),
    ],
)
def test_broken_transforms(capture: Capture, changes: dict[str, object], message: str) -> None:
    edit_json(capture.folder / "transforms_test.json", **changes)
    with pytest.raises(CaptureError, match=rf"transforms_test\.json.*{message}"):
        load_nerf_synthetic(capture.root, capture.scene)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"[1, 2]", b"[" * 100_000])
def test_broken_json(capture: Capture, content: bytes) -> None:
    (capture.folder / "transforms_train.json").write_bytes(content)
    with pytest.raises(CaptureError, match=r"transforms_train\.json"):
        load_nerf_synthetic(capture.root, capture.scene)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"near": 6.0}, "near and far: 6 and 6"),
        ({"near": -1.0}, "near and far: -1 and 6"),
        ({"box": [[0, 0, 0], [1, 0, 1]]}, "box: from .* expected a maximum above the minimum"),
        ({"box": 1.5}, "box: 1.5, expected a minimum and a maximum corner"),
        ({"background": [1, 1]}, r"background: \[1, 1\], expected three numbers"),
        ({"background": [255, 255, 255]}, r"background: .* expected numbers in \[0, 1\]"),
    ],
)
def test_impossible_settings(capture: Capture, settings: dict[str, object], message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        load_nerf_synthetic(capture.root, capture.scene, **settings)  # type: ignore[arg-type]


def test_lego_has_a_visual_hull(shared_data: Path) -> None:
    """Points exist that lie inside the silhouette in every view: only if all cameras are right (and few points do)."""
    scene = load_nerf_synthetic(shared_data / "nerf_synthetic", "lego", downscale=4)
    assert (len(scene.train), len(scene.test)) == (100, 25)
    steps = [torch.linspace(low, high, 32) for low, high in zip(scene.box.minimum, scene.box.maximum, strict=True)]
    points = torch.stack(torch.meshgrid(*steps, indexing="ij"), dim=-1).reshape(-1, 3)
    inside = torch.ones(len(points), dtype=torch.bool)
    for views in (scene.test, scene.train):
        for index in range(0, len(views), 4):
            alpha = views.rgba(index)[..., 3]
            column, row, depth = views.cameras.project(points, index).unbind(-1)
            assert bool(((depth > scene.near - 1) & (depth < scene.far + 1)).all())
            column, row = column.floor().long(), row.floor().long()
            seen = (column >= 0) & (column < alpha.shape[1]) & (row >= 0) & (row < alpha.shape[0])
            covered = alpha[row.clamp(0, alpha.shape[0] - 1), column.clamp(0, alpha.shape[1] - 1)] > 0.5
            inside &= seen & covered
    assert 0.01 < float(inside.float().mean()) < 0.3
