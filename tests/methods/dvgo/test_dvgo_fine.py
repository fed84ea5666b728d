"""The fine stage: its schedule, the densities that it inherits, and what it reaches on a small scene."""

import math
from dataclasses import replace

import pytest
import torch
from tiny_models import COARSE, FINE, numba_threads, tiny_base

from methods.dvgo.base import VoxelBase
from methods.dvgo.coarse import fit_coarse
from methods.dvgo.fine import fit_fine
from nerfzip.data.scene import Scene
from nerfzip.errors import TrainingError
from nerfzip.fields import Shading, VoxelField
from nerfzip.metrics import psnr
from nerfzip.rendering.images import render_image


def psnr_above_a_constant(field: VoxelField, scene: Scene) -> float:
    """dB on the test views, over the best image of one colour."""
    gains = []
    for view in range(len(scene.test)):
        truth = scene.test.image(view, scene.background).float() / 255
        gains.append(
            psnr(render_image(field, scene.test.cameras, view), truth) - psnr(truth.mean((0, 1)) + 0 * truth, truth)
        )
    return sum(gains) / len(gains)


def test_a_colour_at_every_sample_learns_the_scene(tiny_scene: Scene, sample_field: VoxelField) -> None:
    assert psnr_above_a_constant(sample_field, tiny_scene) > 4


def test_a_colour_for_every_ray_learns_the_scene(tiny_scene: Scene, ray_field: VoxelField) -> None:
    assert psnr_above_a_constant(ray_field, tiny_scene) > 4


def test_published_sizes() -> None:
    base = VoxelBase("sample", width=128, hidden_layers=2, frequencies=4, coarse=COARSE, fine=FINE)
    decoder = base.new_decoder()
    assert sum(parameter.numel() for parameter in decoder.parameters()) == 22_019
    assert decoder.layers[0].in_features == 39
    assert not decoder.diffuse


def test_growth_schedule(tiny_scene: Scene) -> None:
    """Four growths take the shift from −4.595 to the −8.595 that the published decoder needs."""
    fine = replace(
        FINE, iterations=10, growth_at=[2, 3, 4, 6], growth_factor=2.0, shift_per_growth=1.0, alpha_init=1e-2,
        inherit_density=False, refresh_at=[], rays=64, occupied_alpha=1e-6,
    )  # fmt: skip
    seen: list[tuple[int, float, int, float]] = []

    def on_step(number: int, field: VoxelField) -> None:
        seen.append((number, field.shift, math.prod(field.geometry.resolution), field.geometry.interval))

    torch.manual_seed(0)
    field = tiny_base(fine=fine).fit(tiny_scene, on_step)
    assert [number for number, *_ in seen] == list(range(1, 11))
    assert field.shift == pytest.approx(-8.59512, abs=1e-5)
    for number, shift, voxels, interval in seen:
        growths = sum(number > at for at in fine.growth_at)
        assert shift == pytest.approx(-4.59512 - growths, abs=1e-5)
        assert voxels == pytest.approx(20000 / 2 ** (4 - growths), rel=0.15)
        assert interval == pytest.approx(fine.step_ratio * 2 ** ((4 - growths) / 3))


def inherited(scene: Scene, density: float) -> tuple[VoxelField, VoxelField]:
    """A coarse field of one density, and the fine field that starts from it, with other voxels and another shift."""
    images = scene.train.images(scene.background)
    coarse = fit_coarse(scene, images, replace(COARSE, iterations=0, alpha_init=0.5))
    coarse.density.data.fill_(density)
    fine = replace(FINE, iterations=0, growth_at=[], occupied_alpha=0.0)
    return coarse, fit_fine(scene, images, coarse, coarse.box, tiny_base().new_decoder(), Shading.RAY, fine, None)


@pytest.mark.parametrize("density", [-3.0, 0.0, 4.0])
def test_inherited_density_keeps_the_opacity_of_a_world_unit(tiny_scene: Scene, density: float) -> None:
    coarse, fine = inherited(tiny_scene, density)
    length = 0.02
    expected = coarse.alpha_of_voxels(length / coarse.geometry.final_voxel_size).mean()
    found = fine.alpha_of_voxels(length / fine.geometry.final_voxel_size)[fine.occupancy.mask > 0]
    assert 1e-3 < float(expected) < 0.9
    torch.testing.assert_close(found, expected.expand(len(found)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("density", [-90.0, 50.0, 95.0, 500.0])
def test_extreme_inherited_densities_are_finite(tiny_scene: Scene, density: float) -> None:
    _, fine = inherited(tiny_scene, density)
    assert bool(torch.isfinite(fine.density).all())
    assert float(fine.density.data.min()) >= 0
    assert (float(fine.density.data.max()) > 30) == (density > 0)


def test_an_emptied_grid_says_what_to_change(tiny_scene: Scene) -> None:
    with pytest.raises(TrainingError, match="the grid is empty; lower the density's learning rate or the threshold"):
        tiny_base(fine=replace(FINE, iterations=3, growth_at=[], refresh_at=[1], occupied_alpha=1.0)).fit(tiny_scene)


def test_refreshing_every_so_often_only_ever_removes_voxels(tiny_scene: Scene) -> None:
    fine = replace(FINE, iterations=24, growth_at=[], refresh_at=[], refresh_every=8)
    occupied: list[int] = []
    torch.manual_seed(0)
    tiny_base(fine=fine).fit(tiny_scene, lambda _, field: occupied.append(int(field.occupancy.mask.sum())))
    changes = [number for number in range(1, 24) if occupied[number] != occupied[number - 1]]
    assert occupied == sorted(occupied, reverse=True)
    assert set(changes) <= {4, 12, 20}
    assert changes


@pytest.mark.parametrize("shading", ["sample", "ray"])
def test_the_same_seed_gives_the_same_field(tiny_scene: Scene, shading: str) -> None:
    """To the bit, whatever the number of threads of the kernels."""
    coarse = replace(COARSE, iterations=6, rays=200)
    fine = replace(FINE, iterations=10, growth_at=[4], refresh_at=[6], rays=200, occupied_alpha=1e-4)
    fields = []
    for threads in (1, 2, 2):
        torch.manual_seed(5)
        with numba_threads(threads):
            fields.append(tiny_base(shading, replace(coarse, alpha_init=1e-2), fine).fit(tiny_scene))
    torch.manual_seed(6)
    other = tiny_base(shading, replace(coarse, alpha_init=1e-2), fine).fit(tiny_scene)
    for field in fields[1:]:
        for name, tensor in fields[0].state_dict().items():
            assert torch.equal(tensor, field.state_dict()[name]), name
    assert other.density.shape != fields[0].density.shape or not torch.equal(other.density, fields[0].density)
