"""Images named one by one, and their cameras."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_captures import Capture, write_instant_ngp

from nerfzip.data.instant_ngp import load_instant_ngp
from nerfzip.data.posed_images import load_posed_images
from nerfzip.errors import CaptureError


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return write_instant_ngp(tmp_path, frames=6)


def test_each_image_has_the_camera_that_the_capture_gives_it(capture: Capture) -> None:
    whole = load_instant_ngp(capture.folder, background=(1, 1, 1))
    chosen = [3, 1]
    scene = load_posed_images([str(capture.folder / whole.train.names[index]) for index in chosen])
    assert list(scene.splits) == ["train"] and scene.name == "images"
    torch.testing.assert_close(
        scene.train.cameras.camera_to_world, whole.train.cameras.camera_to_world[torch.tensor(chosen)]
    )
    for place, index in enumerate(chosen):
        assert torch.equal(scene.train.image(place, (1, 1, 1)), whole.train.image(index, (1, 1, 1)))
    with pytest.raises(CaptureError, match="images: no test views to measure with"):
        _ = scene.test


def test_the_camera_file_can_lie_elsewhere(capture: Capture, tmp_path: Path) -> None:
    image = capture.folder / "images/0002.png"
    assert len(load_posed_images([str(image)], cameras=str(capture.folder / "transforms.json")).train) == 1
    (capture.folder / "transforms.json").rename(capture.folder / "others.txt")
    with pytest.raises(CaptureError, match=r"0002.png: neither its folder nor one above has a transforms.json or"):
        load_posed_images([str(image)])


def test_what_is_missing_is_named(capture: Capture) -> None:
    with pytest.raises(CaptureError, match=r"0099\.png: no such image"):
        load_posed_images([str(capture.folder / "images/0099.png")])
    other = capture.folder / "images/other.png"
    other.write_bytes((capture.folder / "images/0001.png").read_bytes())
    with pytest.raises(CaptureError, match=r"other\.png: .*transforms.json has no frame for this image"):
        load_posed_images([str(other)])
    with pytest.raises(CaptureError, match=r"dataset.images: none"):
        load_posed_images([])


def test_opaque_images_want_a_box(capture: Capture, caplog: pytest.LogCaptureFixture) -> None:
    image = str(capture.folder / "images/0002.png")
    with caplog.at_level(logging.WARNING):
        load_posed_images([image])
    assert "give its cube, dataset.box=[[x,y,z],[x,y,z]]" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        load_posed_images([image], box=((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)))
    assert "dataset.box" not in caplog.text


def test_a_box_that_can_not_be_found_says_what_to_do(capture: Capture) -> None:
    """Two views whose objects lie on no common point."""
    for number, columns in ((1, slice(0, 2)), (2, slice(-2, None))):
        file = capture.folder / f"images/000{number}.png"
        pixels = np.array(Image.open(file).convert("RGBA"))
        pixels[..., 3] = 0
        pixels[:2, columns, 3] = 255
        Image.fromarray(pixels).save(file)
    images = [str(capture.folder / f"images/000{number}.png") for number in (1, 2)]
    with pytest.raises(CaptureError, match=r"box can't be found from 2 images: .*give dataset\.box="):
        load_posed_images(images)
