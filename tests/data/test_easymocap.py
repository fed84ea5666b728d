"""NHR and ZJU-MoCap, which share a packaging."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from projection import assert_dots_are_where_points_project
from scipy.spatial.transform import Rotation
from tiny_captures import HEIGHT, WIDTH, Capture, write_easymocap

from nerfzip.data import VolumetricScene
from nerfzip.data.nhr import label_colour, load_nhr
from nerfzip.data.zju_mocap import load_zju_mocap
from nerfzip.errors import CaptureError


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return write_easymocap(tmp_path)


def load(capture: Capture, **settings: object) -> VolumetricScene:
    given = {"test_cameras": [1], "unused_cameras": [2], "downscale": 1, **settings}
    return load_nhr(capture.root, capture.scene, **given)  # type: ignore[arg-type]


def edit(capture: Capture, change: Callable[[dict], object]) -> None:
    path = capture.folder / "annots.npy"
    document = np.load(path, allow_pickle=True).item()
    change(document)
    np.save(path, document, allow_pickle=True)


def a_transform() -> np.ndarray:
    transform = np.eye(4)
    transform[:3, :3] = Rotation.from_euler("xyz", [20, -70, 130], degrees=True).as_matrix()
    transform[:3, 3] = 0.5, -1.5, 2
    return transform


@pytest.mark.parametrize("downscale", [1, 2])
@pytest.mark.parametrize("transform", [None, a_transform()])
def test_points_project_onto_their_dots(capture: Capture, downscale: int, transform: np.ndarray | None) -> None:
    setting = None if transform is None else transform.tolist()
    video = load(capture, downscale=downscale, transform=setting)
    to_scene = np.eye(4) if transform is None else transform
    points = {name: to_scene[:3, :3] @ point + to_scene[:3, 3] for name, point in capture.points.items()}
    assert len(video) == 3
    for number, frame in enumerate(video.frames):
        assert frame.train.names == tuple(f"camera {camera}, frame {number}" for camera in (0, 3))
        assert frame.test.names == (f"camera 1, frame {number}",)
        for views in frame.splits.values():
            assert (views.cameras.width, views.cameras.height) == (WIDTH // downscale, HEIGHT // downscale)
            assert_dots_are_where_points_project(views, dataclasses.replace(capture, points=points), downscale)
    assert video.background == (0.0, 0.0, 0.0)


D = [-0.2, 0.05, 0.004, -0.006, 0.01]


def distort(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """OpenCV's model with D = k1 k2 p1 p2 k3, written out from its documentation."""
    k1, k2, p1, p2, k3 = D
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    return np.array(
        [x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2), y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y]
    )


@pytest.mark.parametrize("downscale", [1, 2])
def test_lens_distortion_of_image_and_mask_is_undone(tmp_path: Path, downscale: int) -> None:
    """A disc in the photograph, drawn in OpenCV's coordinates, and its shape and place without the distortion."""
    capture = write_easymocap(tmp_path, frames=1)
    width, height, focal = 128, 96, 130.0
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    targets, pinhole, shapes = {}, {}, {}

    def change(document: dict) -> None:
        cams = document["cams"]
        for camera in range(4):
            cx, cy = width / 2 + camera, height / 2 - camera
            cams["K"][camera] = np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]])
            cams["D"][camera] = np.array(D)[:, None]
            point = np.array([*((0.3, -0.2), (-0.3, 0.15), (0.2, 0.25), (-0.25, -0.22))[camera], 1.0])
            targets[camera] = cams["R"][camera].T @ (3 * point - cams["T"][camera][:, 0] / 1000)
            column, row = distort(*point[:2]) * focal + (cx, cy)
            disc = Image.fromarray((np.hypot(columns - column, rows - row) < 8).astype(np.uint8) * 255)
            disc.convert("RGB").save(capture.folder / f"images/{camera:02d}/000000.jpg", quality=100)
            disc.convert("RGB").save(capture.folder / f"mask/{camera:02d}/000000.png")
            seen_columns, seen_rows = distort((columns - cx) / focal, (rows - cy) / focal) * focal
            shapes[camera] = np.hypot(seen_columns + cx - column, seen_rows + cy - row) < 8
            pinhole[camera] = np.array([point[0] * focal + cx, point[1] * focal + cy])
            assert np.hypot(*(pinhole[camera] - (column, row))) > 0.5

    def centroid(weight: np.ndarray) -> np.ndarray:
        """In pixels with the centre of the first at (0, 0)."""
        return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()

    edit(capture, change)
    frame = load(capture, downscale=downscale).frames[0]
    for views in frame.splits.values():
        for index, name in enumerate(views.names):
            camera = int(name.split()[1].rstrip(","))
            point = torch.tensor(targets[camera], dtype=torch.float32)[None]
            projected = views.cameras.project(point, index)[0, :2].numpy() * downscale - 0.5
            assert np.abs(projected - pinhole[camera]).max() < 1e-3
            rgba = views.rgba(index).numpy()
            assert (rgba[..., 3] != shapes[camera][::downscale, ::downscale]).mean() < 0.002
            if downscale == 1:
                assert np.abs(centroid(rgba[..., 0]) - centroid(shapes[camera])).max() < 0.1
                assert np.abs(centroid(rgba[..., 3]) - centroid(shapes[camera])).max() < 0.1


def test_colour_is_averaged_and_alpha_is_the_nearest(capture: Capture) -> None:
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[4, 6], mask[9, 9], mask[2, 2], mask[12, 12] = (101, 0, 0), (255, 0, 0), (100, 0, 0), (0, 255, 255)
    Image.fromarray(mask).save(capture.folder / "mask/00/000001.png")
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[4:6, 6] = 200
    Image.fromarray(image).save(capture.folder / "images/00/000001.png")
    edit(capture, lambda document: document["ims"][1]["ims"].__setitem__(0, "images/00/000001.png"))
    frame = load(capture, downscale=2).frames[1]
    expected = np.zeros((HEIGHT // 2, WIDTH // 2))
    expected[2, 3] = 1
    np.testing.assert_array_equal(frame.train.rgba(0)[..., 3], expected)
    assert frame.train.image(0, frame.background)[2, 3].tolist() == [100, 100, 100]


def test_boxes_of_the_frames(capture: Capture) -> None:
    video = load(capture, frames="0:2")
    assert video.frame_boxes is not None and len(video.frame_boxes) == 2
    for index, box in enumerate(video.frame_boxes):
        corner = (1 + index) * np.array([0.25, 0.5, 0.75]) + 0.1
        np.testing.assert_allclose([box.minimum, box.maximum], [-corner, corner])
    assert video.box == video.frame_boxes[1] == video.frames[0].box
    given = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
    assert load(capture, box=given).box.maximum == given[1]


def test_vertices_follow_the_transform_and_the_box_is_the_union(capture: Capture) -> None:
    """A quarter turn about z, which maps x to y and y to −x, and a shift."""
    transform = [[0, -1, 0, 5], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    np.save(capture.folder / "vertices/000000.npy", np.array([[0, 0, 0], [1, 2, 3], [0.5, 4, 0]], np.float32))
    video = load(capture, frames="0:2", transform=transform)
    assert video.frame_boxes is not None
    first = video.frame_boxes[0]
    np.testing.assert_allclose([first.minimum, first.maximum], [[0.9, -0.1, -0.1], [5.1, 1.1, 3.1]])
    np.testing.assert_allclose([video.box.minimum, video.box.maximum], [[0.9, -0.6, -1.6], [6.1, 1.1, 3.1]])


def test_frames_are_named_by_their_files(tmp_path: Path) -> None:
    video = load(write_easymocap(tmp_path, first_frame=7), frames="1:3")
    assert [frame.test.names for frame in video.frames] == [("camera 1, frame 8",), ("camera 1, frame 9",)]


def test_zju_mocap_tests_on_odd_cameras_and_takes_labels_for_masks(tmp_path: Path) -> None:
    capture = write_easymocap(tmp_path, "schp")
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[3, 4], labels[5, 6] = 4, 1
    palette = Image.fromarray(labels)
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128])
    palette.save(capture.folder / "schp/02/000000.png")
    video = load_zju_mocap(capture.root, capture.scene, downscale=1)
    assert video.frames[0].train.names == ("camera 0, frame 0", "camera 2, frame 0")
    assert video.frames[0].test.names == ("camera 1, frame 0", "camera 3, frame 0")
    np.testing.assert_array_equal(video.frames[0].train.rgba(1)[..., 3], labels > 0)
    (capture.folder / "schp").rename(capture.folder / "other")
    assert len(load_zju_mocap(capture.root, capture.scene, masks="other", unused_cameras=[3]).frames[0].test) == 1
    with pytest.raises(CaptureError, match=r"schp/00/000000\.png: no such image file"):
        load_zju_mocap(capture.root, capture.scene)


def test_only_the_first_cameras_count(tmp_path: Path) -> None:
    """21 of ZJU-MoCap's 23, and 56 of NHR's."""
    capture = write_easymocap(tmp_path, "schp", frames=1)
    (capture.folder / "mask").symlink_to(capture.folder / "schp")

    def repeat(document: dict) -> None:
        for values in (*document["cams"].values(), document["ims"][0]["ims"]):
            values.extend([values[0]] * 60)

    edit(capture, repeat)
    frame = load_zju_mocap(capture.root, capture.scene).frames[0]
    assert [len(frame.train), len(frame.test)] == [11, 10]
    frame = load_nhr(capture.root, capture.scene).frames[0]
    assert [len(frame.train), len(frame.test)] == [50, 4]
    assert frame.test.names == tuple(f"camera {camera}, frame 0" for camera in (18, 28, 37, 46))


def test_labels_join_the_masks(capture: Capture) -> None:
    """Colours of PASCAL VOC's palette: 16 is (0, 64, 0), 18 is (0, 192, 0), 13 is (192, 0, 128)."""
    assert [label_colour(label).tolist() for label in (16, 18, 13)] == [[0, 64, 0], [0, 192, 0], [192, 0, 128]]
    before = load(capture).frames[0].train.rgba(0)[..., 3].numpy()
    parsing = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    parsing[0, :3] = (0, 64, 0), (0, 192, 0), (192, 0, 128)
    for camera in range(4):
        (capture.folder / f"schp/{camera:02d}").mkdir(parents=True)
        for frame in range(3):
            Image.fromarray(parsing).save(capture.folder / f"schp/{camera:02d}/{frame:06d}.png")
    after = load(capture, parsing_labels=[16, 18]).frames[0].train.rgba(0)[..., 3].numpy()
    assert after[0, :3].tolist() == [1, 1, before[0, 2]]
    np.testing.assert_array_equal(after[1:], before[1:])
    with pytest.raises(CaptureError, match=r"parsing_labels: 20, expected labels from 1 to 19"):
        load(capture, parsing_labels=[20])


def test_images_are_read_when_they_are_asked_for(capture: Capture) -> None:
    path = capture.folder / "images/00/000001.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    video = load(capture)
    with pytest.raises(CaptureError, match=r"images/00/000001\.jpg: the image is truncated or damaged"):
        video.frames[1].train.rgba(0)
    path.write_bytes(data)
    assert video.frames[1].train.rgba(0)[..., 3].sum() == 4


def test_fingerprint(capture: Capture) -> None:
    video = load(capture, frames="0:2")
    assert len({video.fingerprint, *(frame.fingerprint for frame in video.frames)}) == 3
    for unread in ("mask/00/000002.png", "mask/02/000001.png"):  # A frame and a camera that are left out.
        Image.new("RGB", (WIDTH, HEIGHT)).save(capture.folder / unread)
    assert load(capture, frames="0:2").fingerprint == video.fingerprint
    assert load(capture, frames="0:2", transform=a_transform().tolist()).fingerprint != video.fingerprint
    np.save(capture.folder / "vertices/1.npy", np.load(capture.folder / "vertices/1.npy") * [[0.5], [1]])
    other_vertices = load(capture, frames="0:2", box=((-1, -1, -1), (1, 1, 1))).fingerprint
    np.save(capture.folder / "vertices/1.npy", np.load(capture.folder / "vertices/1.npy") * [[0.5], [1]])
    assert load(capture, frames="0:2", box=((-1, -1, -1), (1, 1, 1))).fingerprint != other_vertices
    before = load(capture).fingerprint
    edit(capture, lambda document: document["cams"]["T"].__setitem__(0, document["cams"]["T"][0] + 1))
    assert load(capture).fingerprint != before


@pytest.mark.parametrize(
    ("vertices", "message"),
    [
        (None, r"vertices/000001\.npy: no such file"),
        (np.zeros((4, 2)), r"vertices/1\.npy: float64 of shape \(4, 2\), expected N×3 numbers"),
        (np.zeros(3), r"vertices/1\.npy: float64 of shape \(3,\), expected N×3 numbers"),
        (np.array([["a", "b", "c"]]), r"vertices/1\.npy: <U1 of shape \(1, 3\), expected N×3 numbers"),
        (np.zeros((0, 3)), r"vertices/1\.npy: 0 vertices, expected at least one"),
        (np.array([[0, 0, 0], [1, np.nan, 1]]), r"vertices/1\.npy: 2 vertices, .* finite numbers"),
        (np.array([[0, 0, 0], [1, 0, 1]]), r"vertices/1\.npy, the box .* expected a maximum above the minimum"),
        (np.array([{}]), r"vertices/1\.npy: not a NumPy file that can be read: Object arrays"),
        (b"\x93NUMPY\x01\x00nothing", r"vertices/1\.npy: not a NumPy file that can be read"),
    ],
)
def test_broken_vertices(capture: Capture, vertices: np.ndarray | bytes | None, message: str) -> None:
    path = capture.folder / "vertices/1.npy"
    path.unlink()
    if isinstance(vertices, bytes):
        path.write_bytes(vertices)
    elif vertices is not None:
        np.save(path, vertices, allow_pickle=True)
    with pytest.raises(CaptureError, match=message):
        load(capture)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unused_cameras": [9]}, r"unused_cameras: .*annots\.npy has no camera 9; it has 0 to 3"),
        ({"unused_cameras": [1]}, r"unused_cameras: 1 is among test_cameras"),
        ({"test_cameras": [7]}, r"test_cameras: .*annots\.npy has no camera 7; it has 0, 1, 3"),
        ({"test_cameras": [0, 1, 3]}, r"of 3 cameras one left to train"),
        ({"frames": "0:4"}, r"'0:4' goes too far: .*annots\.npy has 3 frames"),
        ({"transform": [[1, 0], [0, 1]]}, r"transform: expected four rows of four numbers"),
        ({"transform": (2 * np.eye(4)).tolist()}, r"transform: the pose is not rigid"),
        ({"transform": 3}, r"transform: expected four rows of four numbers"),
        ({"downscale": 25}, r"downscale: 25 for images of 32×24"),
        ({"box": ((0, 0, 0), (1, 1, 0))}, r"box: .* expected a maximum above the minimum"),
    ],
)
def test_impossible_settings(capture: Capture, settings: dict[str, object], message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        load(capture, **settings)


def put(*keys: str | int, value: object) -> Callable[[dict], None]:
    """A change of the entry at some keys."""

    def change(document: dict) -> None:
        *outer, last = keys
        for key in outer:
            document = document[key]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document.pop("cams"), r"annots\.npy: the key 'cams' is missing"),
        (lambda document: document.pop("ims"), r"annots\.npy: the key 'ims' is missing"),
        (lambda document: document["cams"].pop("D"), r"annots\.npy: the key 'D' is missing"),
        (put("cams", value=3), r"annots\.npy, cams: a int, expected a dictionary"),
        (put("cams", "K", value=[]), r"annots\.npy, cams, K: nothing, expected a list"),
        (put("cams", "T", value=[1]), r"annots\.npy, cams, T: 1 cameras, expected 4 as in K"),
        (put("cams", "K", 2, value=np.eye(2)), r"camera 2, K: expected three rows of three numbers"),
        (put("cams", "K", 2, value=np.zeros((3, 3))), r"camera 2, K, fx: 0, expected a positive number"),
        (put("cams", "D", 2, value=np.zeros(3)), r"camera 2, D: 3 numbers, expected 4 or 5"),
        (put("cams", "D", 2, value=None), r"camera 2, D: None, expected a finite number"),
        (put("cams", "R", 2, value=np.eye(2)), r"camera 2, R: 4 numbers, expected 9"),
        (put("cams", "R", 2, value=2 * np.eye(3)), r"camera 2, R and T: the pose is not rigid"),
        (put("cams", "T", 2, value=np.full(3, np.inf)), r"camera 2, T: inf, expected a finite number"),
        (put("ims", value=[]), r"annots\.npy, ims: nothing, expected a list"),
        (put("ims", 1, value="x"), r"annots\.npy, ims\[1\]: a str, expected a dictionary"),
        (put("ims", 1, value={}), r"annots\.npy: the key 'ims' is missing"),
        (put("ims", 1, "ims", value=["images/0.png"]), r"ims\[1\]: 1 images, expected one for each of 4 cameras"),
        (put("ims", 1, "ims", 0, value=7), r"ims\[1\]: 7, expected the name of a file in images/"),
        (put("ims", 1, "ims", 0, value="/etc/1.png"), r"ims\[1\]: '/etc/1\.png', expected the name of a file in"),
        (put("ims", 1, "ims", 0, value="images/../1.png"), r"expected the name of a file in images/"),
        (put("ims", 1, "ims", 3, value="images/03/x.jpg"), r"ims\[1\]: 'images/03/x\.jpg', expected the number"),
        (put("ims", 1, "ims", 3, value="images/03/000002.jpg"), r"the same for all cameras \(camera 0 has 'images/00/"),
        (put("ims", 1, "ims", 3, value="images/09/000001.jpg"), r"images/09/000001\.jpg: no such image file"),
        (lambda document: document["ims"].append(document["ims"][0]), r"3 numbers for 4 frames, expected each once"),
    ],
)
def test_broken_annotations(capture: Capture, change: Callable[[dict], object], message: str) -> None:
    edit(capture, change)
    with pytest.raises(CaptureError, match=message):
        load(capture)


def test_lens_of_four_numbers(capture: Capture) -> None:
    edit(capture, put("cams", "D", 0, value=[0.0, 0, 0, 0]))
    assert len(load(capture)) == 3


def test_images_and_masks_of_another_size(capture: Capture) -> None:
    Image.new("RGB", (WIDTH + 1, HEIGHT)).save(capture.folder / "mask/03/000001.png")
    with pytest.raises(CaptureError, match=r"mask/03/000001\.png: the image is 33×24 pixels, expected 32×24"):
        load(capture)
    assert len(load(capture, unused_cameras=[3])) == 3
    (capture.folder / "mask/03/000001.png").unlink()
    with pytest.raises(CaptureError, match=r"mask/03/000001\.png: no such image file"):
        load(capture)
    Image.new("RGB", (WIDTH, HEIGHT)).save(capture.folder / "mask/03/000001.jpg")
    assert len(load(capture)) == 3
