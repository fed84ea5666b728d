from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from projection import assert_dots_are_where_points_project
from tiny_captures import HEIGHT, WIDTH, Capture, encoded, write_dna_rendering

from nerfzip.data import VolumetricScene
from nerfzip.data.dna_rendering import load_dna_rendering
from nerfzip.errors import CaptureError

BOX = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return write_dna_rendering(tmp_path)


def load(capture: Capture, **settings: object) -> VolumetricScene:
    given = {"box": BOX, "downscale": 1, **settings}
    return load_dna_rendering(capture.root, capture.scene, **given)  # type: ignore[arg-type]


def replace(path: Path, key: str, value: object) -> None:
    """Write a data set anew, or with None remove it."""
    with h5py.File(path, "r+") as file:
        del file[key]
        if value is not None:
            file[key] = value


@pytest.mark.parametrize("downscale", [1, 2])
def test_points_project_onto_their_dots(capture: Capture, downscale: int) -> None:
    video = load(capture, downscale=downscale)
    assert len(video) == 3
    for number, frame in enumerate(video.frames):
        assert frame.test.names == tuple(f"camera {camera}, frame {number}" for camera in (1, 10))
        assert frame.train.names == tuple(f"camera {camera}, frame {number}" for camera in (0, 2))
        for views in frame.splits.values():
            assert_dots_are_where_points_project(views, capture, downscale)


def distort(x: float, y: float, d: list[float]) -> tuple[float, float]:
    """OpenCV's model with D = k1 k2 p1 p2 k3, written out from its documentation."""
    k1, k2, p1, p2, k3 = d
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    return x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2), y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y


@pytest.mark.parametrize("d", [[-0.2, 0.05, 0.004, -0.006, 0.01], [0.25, 0.1, -0.01, 0.008, 0.02]])
def test_lens_distortion_of_image_and_mask_is_undone(tmp_path: Path, d: list[float]) -> None:
    capture = write_dna_rendering(tmp_path, frames=1)
    width, height, focal = 128, 96, 130.0
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    targets = {}
    with (
        h5py.File(tmp_path / "0012_11.smc", "r+") as main,
        h5py.File(tmp_path / "0012_11_annots.smc", "r+") as annotations,
    ):
        for index, camera in enumerate((0, 1, 2, 10)):
            centre = (width / 2 + index, height / 2 - index)
            calibration = annotations[f"Camera_Parameter/{camera:02d}"]
            calibration["K"][...] = [[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]]
            calibration["D"][...] = d
            x, y = 0.25 - 0.15 * index, -0.2 + 0.1 * index
            pose = calibration["RT"][...]
            targets[camera] = pose[:3, :3] @ np.array([x, y, 1.0]) * 3 + pose[:3, 3]
            shown = np.array(distort(x, y, d)) * focal + centre
            disc = Image.fromarray((np.hypot(columns - shown[0], rows - shown[1]) < 5).astype(np.uint8) * 255)
            black = Image.new("L", disc.size)
            del main[f"Camera_5mp/{camera}"], annotations[f"Mask/{camera}"]
            main[f"Camera_5mp/{camera}/color/0"] = encoded(Image.merge("RGB", [disc, black, black]), "jpeg")
            annotations[f"Mask/{camera}/mask/0"] = encoded(disc, "png")
    frame = load(capture).frames[0]
    for views in frame.splits.values():
        assert (views.cameras.width, views.cameras.height) == (width, height)
        for index, name in enumerate(views.names):
            point = torch.tensor(targets[int(name.split()[1].rstrip(","))], dtype=torch.float32)[None]
            expected = views.cameras.project(point, index)[0, :2].tolist()
            rgba = views.rgba(index).numpy()
            for weight in (rgba[..., 3], rgba[..., 0] * rgba[..., 3]):
                found = [(weight * place).sum() / weight.sum() for place in (columns, rows)]
                # A disc of 5 pixels is distorted unevenly: its centroid moves a little.
                assert np.abs(np.array(found) - expected).max() < 0.3


def test_what_the_photograph_does_not_cover_is_clear(capture: Capture) -> None:
    annotations = capture.root / "0012_11_annots.smc"
    replace(annotations, "Camera_Parameter/00/D", np.array([0.5, 0, 0, 0, 0]))
    replace(annotations, "Mask/0/mask/0", encoded(Image.new("L", (WIDTH, HEIGHT), 255), "png"))
    alpha = load(capture).frames[0].train.rgba(0)[..., 3]
    assert alpha[0, 0] == 0 and alpha[HEIGHT // 2, WIDTH // 2] == 1


def test_annotations_elsewhere(capture: Capture, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other" / "notes.smc"
    elsewhere.parent.mkdir()
    (capture.root / "0012_11_annots.smc").rename(elsewhere)
    assert len(load(capture, annotations=elsewhere)) == 3
    with pytest.raises(CaptureError, match=r"0012_11_annots\.smc: no such file"):
        load(capture)


def test_padded_numbers_are_found_too(capture: Capture) -> None:
    before = load(capture)
    with h5py.File(capture.root / "0012_11_annots.smc", "r+") as file:
        for camera in (0, 1, 2):
            file.move(f"Mask/{camera}", f"Mask/{camera:02d}")
    assert load(capture).fingerprint == before.fingerprint


def test_frames_and_test_cameras(capture: Capture) -> None:
    video = load(capture, frames="1:3", test_cameras=[2])
    assert [frame.test.names for frame in video.frames] == [("camera 2, frame 1",), ("camera 2, frame 2",)]
    with pytest.raises(CaptureError, match=r"'0:4' goes too far: .*0012_11\.smc has 3 frames, 0 to 2"):
        load(capture, frames="0:4")
    with pytest.raises(CaptureError, match=r"0012_11\.smc has no camera 48; it has 0, 1, 2, 10"):
        load(capture, test_cameras=[48])


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        ("0012_11", "Camera_5mp", None, r"0012_11\.smc: the key 'Camera_5mp' is missing"),
        ("0012_11", "Camera_5mp/2/color/1", None, r"the key 'Camera_5mp/2/color/1' is missing"),
        ("0012_11", "Camera_5mp/2/color/1", np.zeros(9, np.uint8), r"Camera_5mp/2/color/1: not an image"),
        ("0012_11", "Camera_5mp/2/color", 3, r"Camera_5mp/2/color: a data set, expected a group"),
        ("0012_11_annots", "Mask/10/mask/2", None, r"annots\.smc: the key 'Mask/10/mask/2' is missing"),
        ("0012_11_annots", "Camera_Parameter/01/K", None, r"the key 'Camera_Parameter/1/K' is missing"),
        ("0012_11_annots", "Camera_Parameter/01/K", np.eye(4), r"Camera_Parameter/1/K: expected three rows"),
        ("0012_11_annots", "Camera_Parameter/01/RT", np.eye(3), r"Camera_Parameter/1/RT: expected four rows"),
        ("0012_11_annots", "Camera_Parameter/01/RT", 2 * np.eye(4), r"RT: the pose is not rigid"),
        ("0012_11_annots", "Camera_Parameter/01/D", np.zeros(4), r"D: 4 numbers, expected the five k1 k2 p1 p2 k3"),
        ("0012_11_annots", "Camera_Parameter/01/D", np.full(5, np.nan), r"D: nan, expected a finite number"),
    ],
)
def test_broken_files(capture: Capture, file: str, key: str, value: object, message: str) -> None:
    replace(capture.root / f"{file}.smc", key, value)
    with pytest.raises(CaptureError, match=message):
        load(capture)


def test_images_of_another_size_and_files_of_another_kind(capture: Capture) -> None:
    mask = encoded(Image.new("L", (WIDTH, HEIGHT + 1)), "png")
    replace(capture.root / "0012_11_annots.smc", "Mask/10/mask/2", mask)
    with pytest.raises(CaptureError, match=r"Mask/10/mask/2: the image is 32×25 pixels, expected 32×24"):
        load(capture)
    assert len(load(capture, frames="0:2")) == 2
    (capture.root / "0012_11.smc").write_bytes(b"nothing of the kind")
    with pytest.raises(CaptureError, match=r"0012_11\.smc: not an HDF5 file that can be read"):
        load(capture)


def test_truncated_images_are_reported_when_they_are_read(capture: Capture) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    replace(capture.root / "0012_11.smc", "Camera_5mp/0/color/1", encoded(noise, "jpeg")[:1500])
    video = load(capture)
    with pytest.raises(CaptureError, match=r"Camera_5mp/0/color/1: the image is truncated or damaged"):
        video.frames[1].train.rgba(0)


def test_fingerprint_sees_chosen_frames_only(capture: Capture) -> None:
    first = load(capture, frames="0:2")
    main = capture.root / "0012_11.smc"
    replace(main, "Camera_5mp/0/color/2", encoded(Image.new("RGB", (WIDTH, HEIGHT)), "jpeg"))
    assert load(capture, frames="0:2").fingerprint == first.fingerprint
    replace(main, "Camera_5mp/0/color/1", encoded(Image.new("RGB", (WIDTH, HEIGHT)), "jpeg"))
    assert load(capture, frames="0:2").fingerprint != first.fingerprint


def test_default_box_holds_a_sphere_that_all_cameras_see(tmp_path: Path) -> None:
    """Discs that a sphere of radius 0.3 around the origin, seen from 4 away, fills."""
    capture = write_dna_rendering(tmp_path)
    with h5py.File(tmp_path / "0012_11_annots.smc", "r+") as file:
        for camera in (0, 1, 2, 10):
            fx, _, cx, _, _, cy, *_ = file[f"Camera_Parameter/{camera:02d}/K"][...].ravel()
            columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
            disc = np.hypot(columns - cx, rows - cy) < fx * 0.3 / np.sqrt(16 - 0.09)
            for frame in range(3):
                del file[f"Mask/{camera}/mask/{frame}"]
                image = Image.fromarray(255 * disc.astype(np.uint8))
                file[f"Mask/{camera}/mask/{frame}"] = encoded(image, "png")
    video = load(capture, box=None, fewest_views=2, misses=0, box_margin=0.0)
    assert (np.array(video.box.minimum) <= -0.3).all() and (np.array(video.box.maximum) >= 0.3).all()
    assert max(video.box.size) < 3
