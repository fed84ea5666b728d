"""Rendering a voxel field: closed forms, and a slow loop over every sample of every ray."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from slow_rendering import render_slowly

from nerfzip.fields import ColourMLP, DirectColour, Shading, VoxelField, VoxelGeometry
from nerfzip.fields.voxel_field import Gradients, Thresholds
from nerfzip.geometry import Box, Rays
from nerfzip.kernels import VoxelGradient, use_twins
from nerfzip.sampling import Occupancy

BOX = Box((-1.0, -0.8, -0.9), (1.0, 1.0, 0.7))
NO_THRESHOLDS = Thresholds(0.0, 0.0, 0.0)
BACKGROUND = (0.9, 0.4, 0.1)


def a_field(shading: Shading, thresholds: Thresholds = NO_THRESHOLDS, seed: int = 0) -> VoxelField:
    """Random densities and features, some voxels empty, a random small network."""
    torch.manual_seed(seed)
    geometry = VoxelGeometry(BOX, voxel_size=0.17, final_voxel_size=0.13, step_ratio=0.7)
    decoder = ColourMLP(3, width=8, layers=1, frequencies=2)
    field = VoxelField(geometry, 3, decoder, shading, -1.5, thresholds, BACKGROUND, near=0.3)
    field.density.data.normal_()
    field.features.data.normal_()
    field.occupancy = Occupancy.of(torch.rand(geometry.resolution) < 0.7)
    return field


def random_rays(count: int, seed: int = 1) -> Rays:
    """From outside, from inside, and some that miss."""
    generator = torch.Generator().manual_seed(seed)
    origins = 2.5 * torch.randn(count, 3, generator=generator)
    targets = torch.randn(count, 3, generator=generator)
    return Rays(origins, torch.nn.functional.normalize(targets - origins, dim=1))


def one_ray(origin: tuple[float, float, float], direction: tuple[float, float, float]) -> Rays:
    return Rays(torch.tensor([origin]), torch.tensor([direction]))


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("shading", Shading)
@pytest.mark.parametrize("thresholds", [NO_THRESHOLDS, Thresholds(0.12, 0.05, 0.1)])
def test_agrees_with_a_slow_loop(shading: Shading, thresholds: Thresholds, twins: bool) -> None:
    field, rays = a_field(shading, thresholds), random_rays(60)
    with use_twins(twins):
        rendered, shown = field(rays), field.render(rays)
    slow = render_slowly(field, rays)
    certain = [ray for ray, found in enumerate(slow) if found.margin > 2e-5]
    assert len(certain) > 50
    assert sum(slow[ray].transmittance < 0.9 for ray in certain) > 15
    assert sum(slow[ray].transmittance == 1 for ray in certain) > 5
    for ray in certain:
        np.testing.assert_allclose(rendered.rgb[ray].detach(), slow[ray].rgb, atol=2e-5)
        np.testing.assert_allclose(rendered.transmittance[ray].detach(), slow[ray].transmittance, atol=2e-5)
        np.testing.assert_allclose(rendered.depth[ray].detach(), slow[ray].depth, atol=1e-4)
        np.testing.assert_allclose(shown.rgb[ray], np.clip(slow[ray].rgb, 0, 1), atol=2e-5)
        np.testing.assert_allclose(shown.opacity[ray], 1 - slow[ray].transmittance, atol=2e-5)
        np.testing.assert_allclose(shown.depth[ray], slow[ray].depth, atol=1e-4)


@pytest.mark.parametrize("shading", Shading)
def test_gradients_are_the_slow_loops_finite_differences(shading: Shading) -> None:
    field, rays = a_field(shading), random_rays(12)
    direction = torch.randn(12, 3, generator=torch.Generator().manual_seed(3))
    (field(rays).rgb * direction).sum().backward()

    def slow_loss() -> float:
        return sum(float(ray.rgb @ row.numpy()) for ray, row in zip(render_slowly(field, rays), direction, strict=True))

    for grid in (field.density, field.features):
        assert grid.grad is not None
        gradient, values = grid.grad.view(-1), grid.data.view(-1)
        largest = gradient.abs().topk(4).indices
        for entry in [*largest.tolist(), int(gradient.abs().argmin())]:
            before, small = float(values[entry]), 1e-2
            losses = []
            for moved in (before - small, before + small):
                values[entry] = moved
                losses.append(slow_loss())
            values[entry] = before
            expected = (losses[1] - losses[0]) / (2 * small)
            assert float(gradient[entry]) == pytest.approx(expected, rel=2e-2, abs=1e-4)


@pytest.mark.parametrize("shading", Shading)
def test_voxel_gradients_are_the_dense_gradients_of_torch(shading: Shading) -> None:
    field, rays = a_field(shading, Thresholds(0.01, 0.001, 0.01)), random_rays(200)
    direction = torch.randn(200, 3, generator=torch.Generator().manual_seed(3))
    gradients = Gradients(VoxelGradient.like(field.density), VoxelGradient.like(field.features))
    (field(rays, gradients).rgb * direction).sum().backward()
    decoder_gradient = [parameter.grad for parameter in field.decoder.parameters()]
    assert field.density.grad is None
    assert field.features.grad is None
    field.zero_grad()
    with use_twins():
        (field(rays).rgb * direction).sum().backward()
    for gradient, grid in ((gradients.density, field.density), (gradients.features, field.features)):
        torch.testing.assert_close(gradient.values, grid.grad, atol=1e-4, rtol=1e-4)
        assert not bool(gradient.values[gradient.touched == 0].any())
        assert 0 < int(gradient.touched.sum()) < gradient.touched.numel()
    for found, parameter in zip(decoder_gradient, field.decoder.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad, atol=1e-3, rtol=1e-4)


def a_slab(step_ratio: float = 0.02, colour: float = 0.25) -> VoxelField:
    """One density and one colour in the whole box."""
    geometry = VoxelGeometry(BOX, 0.1, 0.05, step_ratio)
    field = VoxelField(geometry, 3, DirectColour(), Shading.SAMPLE, -2.0, NO_THRESHOLDS, BACKGROUND, 0.0)
    field.density.data.fill_(0.5)
    field.features.data.fill_(math.log(colour / (1 - colour)))
    return field


def test_a_slab_lets_through_what_its_thickness_says() -> None:
    """Beer and Lambert: exp(−σL), σ = softplus(d + shift) per final voxel; L is a whole number of steps."""
    sigma = math.log1p(math.exp(0.5 - 2.0)) / 0.05
    rays = Rays(
        torch.tensor([[-5.0, 0.1, 0.2], [0.1, 5.0, 0.2], [0.1, 0.2, 0.5]]),
        torch.tensor([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]]),
    )
    lengths = torch.tensor([2.0, 1.8, 1.4])
    for step in (0.00999, 0.01999, 0.0399):
        whole_steps = torch.floor(lengths / step)
        found = a_slab(step / 0.1).render(rays).opacity
        torch.testing.assert_close(1 - found, torch.exp(-sigma * whole_steps * step), rtol=1e-4, atol=1e-6)


def test_a_slabs_colour_and_depth() -> None:
    field = a_slab()
    rendered = field.render(one_ray((-3.0, 0.0, 0.0), (1.0, 0.0, 0.0)))
    sigma, length = math.log1p(math.exp(-1.5)) / 0.05, 2.0
    opacity = 1 - math.exp(-sigma * length)
    # 2 to the slab's face, and the mean of an exponential distribution of rate σ that is cut off at its thickness.
    depth = 2 + 1 / sigma - length * math.exp(-sigma * length) / opacity
    assert float(rendered.opacity) == pytest.approx(opacity, abs=1e-3)
    assert float(rendered.depth) == pytest.approx(depth, abs=2e-3)
    expected = [opacity * 0.25 + (1 - opacity) * value for value in BACKGROUND]
    np.testing.assert_allclose(rendered.rgb[0], expected, atol=1e-3)


@pytest.mark.parametrize("shading", Shading)
def test_a_half_covered_pixel_is_half_background(shading: Shading) -> None:
    field = a_slab()
    field.shading = shading
    field.shift = -6.0
    rendered = field.render(one_ray((-3.0, 0.0, 0.0), (1.0, 0.0, 0.0)))
    opacity = float(rendered.opacity)
    assert 0.05 < opacity < 0.95
    expected = [opacity * 0.25 + (1 - opacity) * value for value in BACKGROUND]
    np.testing.assert_allclose(rendered.rgb[0], expected, atol=1e-6)


@pytest.mark.parametrize("shading", Shading)
def test_nothing_hit_is_background(shading: Shading) -> None:
    field = a_field(shading)
    missing = one_ray((0.0, 0.0, 5.0), (0.0, 0.0, 1.0))
    hitting = one_ray((0.0, 0.0, 5.0), (0.0, 0.0, -1.0))
    assert float(field.render(hitting).opacity) > 0.5
    empty = a_field(shading)
    empty.occupancy = Occupancy.of(torch.zeros(empty.geometry.resolution, dtype=torch.bool))
    for scene, rays in ((field, missing), (empty, hitting)):
        rendered = scene.render(rays)
        np.testing.assert_allclose(rendered.rgb[0], BACKGROUND, atol=1e-7)
        assert float(rendered.opacity) == 0
        assert float(rendered.depth) == 0
        scene(rays).rgb.sum().backward()
        assert scene.features.grad is None or not bool(scene.features.grad.any())


@pytest.mark.parametrize("shading", Shading)
def test_chunks_do_not_show(shading: Shading) -> None:
    field, rays = a_field(shading, Thresholds(0.01, 0.001, 0.01)), random_rays(300)
    whole = field.render(rays)
    for size in (1, 7, 150):
        parts = [field.render(rays[begin : begin + size]) for begin in range(0, len(rays), size)]
        torch.testing.assert_close(torch.cat([part.rgb for part in parts]), whole.rgb, atol=1e-6, rtol=0)
        assert torch.equal(torch.cat([part.opacity for part in parts]), whole.opacity)
        assert torch.equal(torch.cat([part.depth for part in parts]), whole.depth)


def test_no_rays_at_all() -> None:
    rendered = a_field(Shading.SAMPLE).render(random_rays(5)[:0])
    assert (rendered.rgb.shape, rendered.opacity.shape, rendered.depth.shape) == ((0, 3), (0,), (0,))


def test_nothing_nearer_than_near_is_seen() -> None:
    field = a_slab(0.1)
    inside = one_ray((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    sigma = math.log1p(math.exp(-1.5)) / 0.05
    for near in (0.0, 0.5):
        field.near = near
        assert float(field(inside).transmittance.detach().log()) == pytest.approx(-sigma * (1 - near), rel=1e-3)


def test_geometry() -> None:
    """The corner voxels' centres are the box's corners; lengths are what their names say."""
    geometry = VoxelGeometry(BOX, voxel_size=0.17, final_voxel_size=0.1, step_ratio=0.5)
    assert geometry.resolution == (11, 10, 9)
    field = a_field(Shading.SAMPLE)
    corners = Rays(torch.tensor([BOX.minimum, BOX.maximum]), torch.tensor([[1.0, 0, 0], [1.0, 0, 0]]))
    positions, directions, _, _ = field.to_voxels(corners)
    torch.testing.assert_close(positions, torch.tensor([[0.0, 0, 0], [10.0, 9, 8]]), atol=1e-5, rtol=0)
    assert float(directions[0, 0]) == pytest.approx(10 / 2.0)
    assert geometry.step == pytest.approx(0.085)
    assert geometry.interval == pytest.approx(0.85)
    assert replace(geometry, voxel_size=5.0).resolution == (2, 2, 2)


def test_visible_samples_carry_the_light_that_is_stopped() -> None:
    field, rays = a_field(Shading.SAMPLE), random_rays(50)
    positions, weights = field.visible_samples(rays)
    assert float(weights.detach().sum()) == pytest.approx(float(field.render(rays).opacity.sum()), rel=1e-5)
    assert bool(((positions > -0.01) & (positions < torch.tensor(field.geometry.resolution) - 0.99)).all())


def test_alpha_of_voxels_is_dvgos_activation() -> None:
    field = a_field(Shading.SAMPLE)
    expected = 1 - (1 + np.exp(field.density.detach().double().numpy()[..., 0] - 1.5)) ** -0.6
    np.testing.assert_allclose(field.alpha_of_voxels(0.6), expected, atol=1e-6)


def test_occupied_box_by_hand() -> None:
    box = Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    field = VoxelField(VoxelGeometry(box, 1 / 11 + 1e-6, 0.1, 1.0), 3, DirectColour(), Shading.SAMPLE, 0.0,
                       Thresholds(0, 0, 0), (0, 0, 0), 0.0)  # fmt: skip
    assert field.geometry.resolution == (10, 10, 10)
    mask = torch.zeros(10, 10, 10, dtype=torch.bool)
    mask[3, 0, 9] = mask[6, 9, 9] = mask[5, 5, 0] = True
    field.occupancy = Occupancy.of(mask)
    found = field.occupied_box().enlarged(1.1)
    assert found.minimum == pytest.approx((1 / 3 - 1 / 60, -0.05, -0.05))
    assert found.maximum == pytest.approx((2 / 3 + 1 / 60, 1.05, 1.05))
    field.occupancy = Occupancy.of(torch.zeros(10, 10, 10, dtype=torch.bool))
    assert field.occupied_box() == field.box


@pytest.mark.parametrize("shading", Shading)
def test_features_in_half_precision_show_nearly_the_same(shading: Shading) -> None:
    field, rays = a_field(shading), random_rays(100)
    before = field.render(rays)
    field.store_in_half()
    assert field.features.nbytes * 2 == field.features.numel() * 4
    with use_twins():
        shown = field.render(rays)
    assert shown.rgb.dtype == torch.float32
    torch.testing.assert_close(shown.rgb, before.rgb, atol=5e-3, rtol=0)
    assert not torch.equal(shown.rgb, before.rgb)
    torch.testing.assert_close(shown.opacity, before.opacity)
