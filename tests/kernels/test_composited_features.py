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

from nerfzip.kernels import (
    accumulate_along_rays,
    composite_features,
    interpolate_trilinear,
    march_density,
    render_weights,
    use_twins,
)
from nerfzip.kernels.composited_features import CompositedFeatures
from nerfzip.kernels.traversal import block_distances

CHANNELS = 3
SHIFT, INTERVAL, ALPHA, TRANSMITTANCE, WEIGHT = -2.0, 0.5, 0.05, 0.02, 0.04


def composited(case: RayCase, mask: Tensor, density: Tensor, features: Tensor) -> CompositedFeatures:
    rays = case.origins, case.directions, case.t_min, case.t_max
    thresholds = ALPHA, TRANSMITTANCE, WEIGHT
    return composite_features(*rays, mask, block_distances(mask), STEP, density, features, SHIFT, INTERVAL, *thresholds)


def expected(case: RayCase, ray: int, mask: Tensor, density: Tensor, features: Tensor) -> np.ndarray | None:
    """Sums of features, weights and distances, and transmittance of one ray, or None where rounding may decide."""
    met = candidates(case, ray, mask)
    if not met.certain.all():
        return None
    alphas = 1 - (1 + np.exp(interpolated(density, met.positions) + SHIFT)) ** -INTERVAL
    values = np.stack([interpolated(features[..., [c]], met.positions) for c in range(CHANNELS)], axis=1)
    sums, transmittance = np.zeros(CHANNELS + 2), 1.0
    for k in met.occupied.nonzero()[0].tolist():
        weight = transmittance * alphas[k]
        if min(abs(alphas[k] - ALPHA), abs(weight - WEIGHT)) < ROUNDING:
            return None
        if alphas[k] <= ALPHA:
            continue
        if weight > WEIGHT:
            sums += weight * np.array([*values[k], 1, float(case.t_min[ray]) + (k + 0.5) * STEP])
        transmittance *= 1 - alphas[k]
        if abs(transmittance - TRANSMITTANCE) < ROUNDING:
            return None
        if transmittance < TRANSMITTANCE:
            break
    return np.array([*sums, transmittance])


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("occupied", "contrast"), [(1.0, 3.0), (0.3, 2.0), (0.02, 1.0)])
def test_sums_are_those_of_a_slow_march(shape: Shape, occupied: float, contrast: float, twins: bool) -> None:
    case, mask = random_rays(100, shape, seed=1), random_mask(shape, occupied, seed=2)
    density = contrast * torch.randn(*shape, 1, generator=seeded(3))
    features = torch.randn(*shape, CHANNELS, generator=seeded(4))
    with use_twins(twins):
        seen = composited(case, mask, density, features)
    found = torch.cat([seen.features, torch.stack([seen.weights, seen.distances, seen.transmittance], dim=1)], dim=1)
    checked = 0
    for ray in range(100):
        sums = expected(case, ray, mask, density, features)
        if sums is not None:
            np.testing.assert_allclose(found[ray].numpy(), sums, atol=2e-4, rtol=1e-4)
            checked += 1
    assert checked > 60


def test_it_is_what_its_parts_are_together() -> None:
    """With the transmittance of all samples, though the faint ones are in no other sum."""
    shape = (17, 9, 13)
    case, mask = random_rays(200, shape, seed=5), random_mask(shape, 0.5, seed=6)
    density = 3 * torch.randn(*shape, 1, generator=seeded(7))
    features = torch.randn(*shape, CHANNELS, generator=seeded(8))
    seen = composited(case, mask, density, features)
    rays = case.origins, case.directions, case.t_min, case.t_max
    samples = march_density(*rays, mask, block_distances(mask), STEP, density, SHIFT, INTERVAL, ALPHA, TRANSMITTANCE)
    weights, transmittance = render_weights(samples.alphas, samples.ray_offsets)
    weights = weights * (weights > WEIGHT)
    looked_up = interpolate_trilinear(features, samples.positions)
    torch.testing.assert_close(seen.features, accumulate_along_rays(weights, looked_up, samples.ray_offsets))
    torch.testing.assert_close(seen.transmittance, transmittance)
    assert float(seen.weights.max()) > 0.5


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("rays", [0, 3])
def test_nothing_to_see(twins: bool, rays: int) -> None:
    mask = torch.ones(5, 6, 7, dtype=torch.uint8)
    misses = RayCase(torch.zeros(rays, 3), torch.ones(rays, 3), torch.ones(rays), torch.full((rays,), -1e9))
    with use_twins(twins):
        seen = composited(misses, mask, torch.zeros(5, 6, 7, 1), torch.ones(5, 6, 7, CHANNELS))
    assert seen.features.shape == (rays, CHANNELS)
    assert not seen.features.any()
    assert not seen.weights.any()
    assert seen.transmittance.tolist() == [1.0] * rays
