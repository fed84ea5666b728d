"""Whole images, against each ray computed on its own."""

import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nerfzip.errors import NerfzipError
from nerfzip.geometry import Box, Cameras, Rays
from nerfzip.method import RenderedRays
from nerfzip.rendering.images import read_png, render_image, render_images, write_png
from nerfzip.rendering.orbit import orbit_cameras


@dataclass
class DirectionField:
    """Shows the direction of each ray as a colour, and remembers how many rays came at once."""

    largest: int = 0
    scale: float = 0.5

    def render(self, rays: Rays) -> RenderedRays:
        self.largest = max(self.largest, len(rays))
        ones = torch.ones(len(rays))
        return RenderedRays(rays.directions * self.scale + 0.5, ones, ones)

    def coded_tensors(self) -> dict[str, Tensor]:
        return {}


def cameras() -> Cameras:
    return Cameras(torch.eye(4)[None], torch.tensor([[4.0, 4.0, 2.5, 1.5]]), 5, 3)


@pytest.mark.parametrize("rays_per_chunk", [1, 4, 15, 100])
def test_every_pixel_shows_its_ray(rays_per_chunk: int) -> None:
    field = DirectionField()
    image = render_image(field, cameras(), 0, rays_per_chunk)
    assert image.shape == (3, 5, 3)
    assert field.largest == min(rays_per_chunk, 15)
    for row in range(3):
        for column in range(5):
            x, y = (column + 0.5 - 2.5) / 4, (row + 0.5 - 1.5) / 4
            length = math.sqrt(x * x + y * y + 1)
            expected = torch.tensor([x, y, 1]) / length * 0.5 + 0.5
            torch.testing.assert_close(image[row, column], expected)


def test_chunks_are_of_one_size() -> None:
    sizes = []

    class Counting(DirectionField):
        def render(self, rays: Rays) -> RenderedRays:
            sizes.append(len(rays))
            return super().render(rays)

    render_image(Counting(), cameras(), 0, rays_per_chunk=9)
    assert sizes == [8, 7]


def test_colours_are_clamped_and_rounded_to_8_bits() -> None:
    (image,) = render_images(DirectionField(scale=10), cameras())
    assert image.pixels.dtype == torch.uint8
    assert image.pixels[1, 2].tolist() == [128, 128, 255]
    assert image.pixels[0, 0].tolist() == [0, 0, 255]
    assert image.seconds > 0


def test_a_colour_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(NerfzipError, match="view 0: the field renders NaN"):
        render_image(DirectionField(scale=math.nan), cameras(), 0)


def test_a_png_keeps_every_pixel(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (7, 9, 3), dtype=torch.uint8)
    write_png(tmp_path / "image.png", pixels)
    assert torch.equal(read_png(tmp_path / "image.png"), pixels)


@pytest.mark.parametrize(("width", "height"), [(100, 100), (160, 90), (60, 120)])
def test_an_orbit_sees_the_whole_box_with_z_upwards(width: int, height: int) -> None:
    box = Box((1.0, -2.0, 0.0), (2.0, 1.0, 4.0))
    corners = torch.cartesian_prod(*(torch.tensor(pair) for pair in zip(box.minimum, box.maximum, strict=True)))
    centre = corners.mean(dim=0)
    views = orbit_cameras(box, 5, width, height)
    assert len(views) == 5
    for index in range(5):
        rotation = views.camera_to_world[index, :3, :3]
        torch.testing.assert_close(rotation @ rotation.T, torch.eye(3), atol=1e-5, rtol=0)
        assert math.isclose(float(torch.linalg.det(rotation)), 1, abs_tol=1e-5)
        pixels = views.project(corners, index)
        assert bool((pixels[:, :2] >= 0).all() and (pixels[:, 0] <= width).all() and (pixels[:, 1] <= height).all())
        assert bool((pixels[:, 2] > 0).all())
        middle, above = views.project(torch.stack([centre, centre + torch.tensor([0.0, 0.0, 1.0])]), index)
        torch.testing.assert_close(middle[:2], torch.tensor([width / 2, height / 2]), atol=1e-2, rtol=0)
        assert above[1] < middle[1]
        assert abs(above[0] - middle[0]) < 1e-2


@pytest.mark.parametrize("up", ["x", "y", "z", "-x", "-y", "-z"])
def test_any_axis_may_point_upwards(up: str) -> None:
    box = Box((-1.0, 2.0, 0.0), (3.0, 3.0, 5.0))
    views = orbit_cameras(box, 7, 40, 30, up=up)
    direction = torch.zeros(3)
    direction["xyz".index(up[-1])] = -0.1 if up.startswith("-") else 0.1
    centre = torch.tensor([1.0, 2.5, 2.5])
    for view in range(7):
        at, above = views.project(torch.stack([centre, centre + direction]), view)[:, :2]
        assert abs(float(above[0] - at[0])) < 1e-3
        assert float(above[1]) < float(at[1])
        rotation = views.camera_to_world[view, :3, :3]
        torch.testing.assert_close(torch.linalg.det(rotation), torch.tensor(1.0))
