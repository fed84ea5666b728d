"""Drawn rays belong to their pixels; with a field, to exactly those pixels whose rays meet something."""

import pytest
import torch
from small_fields import cameras_around, small_field
from torch import Tensor

from nerfzip.errors import TrainingError
from nerfzip.geometry import Cameras
from nerfzip.kernels import traverse_occupancy
from nerfzip.sampling import Occupancy
from nerfzip.training.ray_sampler import RaySampler


def numbered_images(cameras: Cameras) -> Tensor:
    """Each pixel's colour is its view, row and column."""
    views, rows, columns = (torch.arange(size) for size in (len(cameras), cameras.height, cameras.width))
    return torch.stack(torch.meshgrid(views, rows, columns, indexing="ij"), dim=-1).to(torch.uint8)


def pixels_of(targets: Tensor) -> Tensor:
    return (targets * 255).round().long()


def test_a_rays_colour_is_that_of_the_pixel_it_goes_through() -> None:
    cameras = cameras_around()
    torch.manual_seed(0)
    rays, targets = RaySampler(cameras, numbered_images(cameras)).draw(500)
    assert len(rays) == len(targets) == 500
    assert float(targets.max()) <= 1
    for ray, (view, row, column) in enumerate(pixels_of(targets).tolist()):
        point = rays.origins[ray] + 2.5 * rays.directions[ray]
        pixel = cameras.project(point[None], view)[0]
        torch.testing.assert_close(pixel[:2], torch.tensor([column + 0.5, row + 0.5]), atol=1e-3, rtol=0)
        assert float(pixel[2]) > 0


def test_all_pixels_are_drawn_alike() -> None:
    cameras = cameras_around(views=2, width=5, height=4)
    torch.manual_seed(1)
    sampler = RaySampler(cameras, numbered_images(cameras))
    pixels = torch.cat([pixels_of(sampler.draw(1000)[1]) for _ in range(8)])
    counts = torch.bincount((pixels[:, 0] * 4 + pixels[:, 1]) * 5 + pixels[:, 2], minlength=40)
    chi_squared = float(((counts - 200.0) ** 2 / 200).sum())
    assert chi_squared < 80  # 39 degrees of freedom: exceeded once in 10,000 seeds


def test_with_a_field_rays_that_miss_are_never_drawn_and_others_all_are() -> None:
    cameras = cameras_around(views=3)
    field = small_field()
    mask = torch.zeros(field.geometry.resolution, dtype=torch.bool)
    mask[3:6, 4:6, 2:4] = True
    field.occupancy = Occupancy.of(mask)
    expected = set()
    for view in range(3):
        rays = cameras.image_rays(view)
        occupancy, step = field.occupancy, field.geometry.step
        samples = traverse_occupancy(*field.to_voxels(rays), occupancy.mask, occupancy.blocks, step)
        hit = (samples.ray_offsets.diff() > 0).nonzero()[:, 0].tolist()
        expected |= {(view, pixel // cameras.width, pixel % cameras.width) for pixel in hit}
    assert 5 < len(expected) < 150
    torch.manual_seed(2)
    sampler = RaySampler(cameras, numbered_images(cameras), field)
    pixels = torch.cat([pixels_of(sampler.draw(500)[1]) for _ in range(4)])
    assert {tuple(pixel) for pixel in pixels.tolist()} == expected


def test_refiltering_forgets_rays_of_the_field_before() -> None:
    cameras = cameras_around(views=1)
    torch.manual_seed(3)
    sampler = RaySampler(cameras, numbered_images(cameras))
    sampler.draw(10)
    field = small_field()
    mask = torch.zeros(field.geometry.resolution, dtype=torch.bool)
    mask[4:7, 4:7, 3:5] = True
    field.occupancy = Occupancy.of(mask)
    sampler.refilter(field)
    rays, _ = sampler.draw(100)
    assert bool((field.render(rays).opacity > 0).all())


@pytest.mark.parametrize("rays", [1, 10, 2000])
def test_nothing_to_draw_is_an_error_rather_than_an_endless_search(rays: int) -> None:
    cameras = cameras_around(views=2)
    field = small_field()
    field.occupancy = Occupancy.of(torch.zeros(field.geometry.resolution, dtype=torch.bool))
    with pytest.raises(TrainingError, match="no training ray meets an occupied voxel"):
        RaySampler(cameras, numbered_images(cameras), field).draw(rays)


def test_the_generator_alone_decides() -> None:
    cameras = cameras_around()
    drawn = []
    for _ in range(2):
        torch.manual_seed(4)
        drawn.append(RaySampler(cameras, numbered_images(cameras), small_field()).draw(50))
    assert torch.equal(drawn[0][0].directions, drawn[1][0].directions)
    assert torch.equal(drawn[0][1], drawn[1][1])
