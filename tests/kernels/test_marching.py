from dataclasses import dataclass

import numpy as np
import pytest
import torch
from kernel_cases import (
    ROUNDING,
    SHAPES,
    STEP,
    RayCase,
    Shape,
    candidates,
    interpolated,
    random_mask,
    random_rays,
    seeded,
)
from torch import Tensor

from nerfzip.kernels import MarchedSamples, VoxelGradient, march_density, use_twins
from nerfzip.kernels.marching import density_of_alpha
from nerfzip.kernels.traversal import block_distances


@dataclass(frozen=True)
class Settings:
    shift: float = -2.0
    interval: float = 0.5
    alpha_threshold: float = 0.05
    transmittance_threshold: float = 0.02


def march(
    case: RayCase, mask: Tensor, density: Tensor, settings: Settings, gradient: VoxelGradient | None = None
) -> MarchedSamples:
    return march_density(
        case.origins,
        case.directions,
        case.t_min,
        case.t_max,
        mask,
        block_distances(mask),
        STEP,
        density,
        settings.shift,
        settings.interval,
        settings.alpha_threshold,
        settings.transmittance_threshold,
        gradient,
    )


def expected_samples(
    case: RayCase, ray: int, mask: Tensor, density: Tensor, settings: Settings
) -> tuple[list[int], list[float]] | None:
    """Steps and opacities of one ray, or None where rounding to float32 may decide which they are."""
    met = candidates(case, ray, mask)
    if not met.certain.all():
        return None
    alphas = 1 - (1 + np.exp(interpolated(density, met.positions) + settings.shift)) ** -settings.interval
    steps, kept, transmittance = [], [], 1.0
    for k in met.occupied.nonzero()[0].tolist():
        if abs(alphas[k] - settings.alpha_threshold) < ROUNDING:
            return None
        if alphas[k] > settings.alpha_threshold:
            steps.append(k)
            kept.append(float(alphas[k]))
            transmittance *= 1 - alphas[k]
            if abs(transmittance - settings.transmittance_threshold) < ROUNDING:
                return None
            if transmittance < settings.transmittance_threshold:
                break
    return steps, kept


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("occupied", "contrast"), [(1.0, 3.0), (0.3, 2.0), (0.02, 1.0)])
def test_samples_are_those_of_a_slow_march(shape: Shape, occupied: float, contrast: float, twins: bool) -> None:
    case, mask = random_rays(100, shape, seed=1), random_mask(shape, occupied, seed=2)
    density = contrast * torch.randn(*shape, 1, generator=seeded(3))
    with use_twins(twins):
        samples = march(case, mask, density, Settings())
    checked = 0
    for ray in range(100):
        begin, end = samples.ray_offsets[ray : ray + 2].tolist()
        assert bool((samples.ray_indices[begin:end] == ray).all())
        expected = expected_samples(case, ray, mask, density, Settings())
        if expected is None:
            continue
        steps, alphas = expected
        found = ((samples.distances[begin:end] - case.t_min[ray]) / STEP - 0.5).round().long()
        assert found.tolist() == steps
        torch.testing.assert_close(samples.alphas[begin:end], torch.tensor(alphas), atol=1e-4, rtol=1e-4)
        checked += 1
    assert checked > 60
    positions = case.origins[samples.ray_indices] + samples.distances[:, None] * case.directions[samples.ray_indices]
    torch.testing.assert_close(samples.positions, positions, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_is_that_of_the_twin_and_of_finite_differences(shape: Shape) -> None:
    """Without thresholds, so that the loss is smooth."""
    settings = Settings(alpha_threshold=0.0, transmittance_threshold=0.0)
    case, mask = random_rays(100, shape, seed=4), random_mask(shape, 0.7, seed=5)
    density, direction = torch.randn(2, *shape, 1, generator=seeded(6))

    def loss(values: Tensor, gradient: VoxelGradient | None = None) -> Tensor:
        alphas = march(case, mask, values, settings, gradient).alphas.double()
        return (alphas * torch.linspace(0, 3, len(alphas)).sin()).sum()

    gradients = []
    for twins in (False, True):
        with use_twins(twins):
            leaf = density.clone().requires_grad_()
            gradients.append(torch.autograd.grad(loss(leaf), leaf)[0])
            collected = VoxelGradient.like(density)
            loss(leaf, collected).backward()
            assert leaf.grad is None
            torch.testing.assert_close(collected.values, gradients[-1], atol=1e-5, rtol=1e-4)
            assert bool((collected.values[collected.touched == 0] == 0).all())
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-4, rtol=1e-3)

    shift = 1e-2
    slope = (loss(density + shift * direction) - loss(density - shift * direction)) / (2 * shift)
    expected = (gradients[0].double() * direction).sum()
    torch.testing.assert_close(slope, expected, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("twins", [False, True])
def test_a_ray_ends_behind_the_sample_that_makes_it_opaque(twins: bool) -> None:
    """Each step has opacity ½; transmittance is 1, ½, ¼, ⅛: the third sample brings it below 0.2."""
    settings = Settings(shift=0.0, interval=1.0, alpha_threshold=0.4, transmittance_threshold=0.2)
    case = RayCase(torch.zeros(1, 3), torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1), torch.full((1,), 0.5))
    mask = torch.ones(1, 1, 4, dtype=torch.uint8)
    with use_twins(twins):
        samples = march(case, mask, torch.zeros(1, 1, 4, 1), settings)
    torch.testing.assert_close(samples.alphas, torch.full((3,), 0.5))
    torch.testing.assert_close(samples.distances, STEP * torch.tensor([0.5, 1.5, 2.5]))


@pytest.mark.parametrize("twins", [False, True])
def test_very_large_and_very_small_densities(twins: bool) -> None:
    settings = Settings(alpha_threshold=0.0, transmittance_threshold=0.0)
    case = RayCase(torch.zeros(1, 3), torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1), torch.full((1,), 0.02))
    for value, alpha in ((1e4, 1.0), (-1e4, 0.0)):
        density = torch.full((1, 1, 2, 1), value, requires_grad=True)
        with use_twins(twins):
            samples = march(case, torch.ones(1, 1, 2, dtype=torch.uint8), density, settings)
            samples.alphas.sum().backward()
        assert samples.alphas.tolist() == [alpha] * 3
        assert density.grad is not None
        assert not density.grad.any()


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("rays", [0, 3])
def test_nothing_to_see(twins: bool, rays: int) -> None:
    density = torch.zeros(5, 6, 7, 1, requires_grad=True)
    mask = torch.ones(5, 6, 7, dtype=torch.uint8)
    misses = RayCase(torch.zeros(rays, 3), torch.ones(rays, 3), torch.ones(rays), torch.full((rays,), -1e9))
    with use_twins(twins):
        samples = march(misses, mask, density, Settings())
        samples.alphas.sum().backward()
    assert samples.ray_offsets.tolist() == [0] * (rays + 1)
    assert samples.positions.shape == (0, 3)
    assert density.grad is not None
    assert not density.grad.any()


@pytest.mark.parametrize("alpha", [1e-7, 1e-4, 0.3])
@pytest.mark.parametrize("interval", [0.5, 2.0])
def test_density_of_alpha_inverts_the_activation(alpha: float, interval: float) -> None:
    density = torch.tensor(density_of_alpha(alpha, -3.0, interval), dtype=torch.float64)
    opacity = -torch.expm1(-interval * torch.nn.functional.softplus(density - 3.0))
    assert float(opacity) == pytest.approx(alpha, rel=1e-6)
    assert density_of_alpha(0.0, -3.0, interval) == -float("inf")
