import numba
import numpy as np
import pytest
import torch
from kernel_cases import seeded
from scipy.ndimage import map_coordinates
from torch import Tensor

from nerfzip.kernels import use_twins
from nerfzip.kernels.cpu import periodic as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.periodic import periodic_product

LEVELS = [((5, 4), (2, 3)), ((7, 2), (9, 3)), ((11, 4), (4, 1))]
"""Of each case two levels of (resolution, channels)."""
TILES = torch.tensor([[1.94, 1.5, 1.1], [3.1, 4.2, 2.0]])


def random_case(levels: tuple[tuple[int, int], ...]) -> tuple[Tensor, list[Tensor], Tensor, Tensor]:
    channels = sum(c for _, c in levels)
    coefficients = torch.randn(6, 5, 4, channels, generator=seeded(0))
    bases = [torch.randn(r, r, r, c, generator=seeded(r)) for r, c in levels]
    positions = torch.rand(400, 3, generator=seeded(1))
    # At a seam the values jump, and rounding decides on which side a position lies.
    places = positions[:, None] * TILES
    positions = positions[((places - places.round()).abs() > 1e-4).all(dim=(1, 2))]
    return coefficients, bases, positions, torch.randn(len(positions), channels, generator=seeded(2))


def reference(coefficients: Tensor, bases: list[Tensor], positions: Tensor) -> np.ndarray:
    """By scipy, in float64."""
    where = positions.double().numpy()
    factors = [_sampled(coefficients, where * coefficients.shape[:3] - 0.5)]
    sampled = [
        _sampled(basis, np.mod(where * tiles.double().numpy(), 1) * (basis.shape[0] - 1))
        for basis, tiles in zip(bases, TILES, strict=True)
    ]
    factors.append(np.concatenate(sampled, axis=1))
    return factors[0] * factors[1]


def _sampled(grid: Tensor, places: np.ndarray) -> np.ndarray:
    clamped = np.clip(places, 0, np.array(grid.shape[:3]) - 1).T
    channels = [map_coordinates(grid[..., c].double().numpy(), clamped, order=1) for c in range(grid.shape[3])]
    return np.stack(channels, axis=1)


@pytest.mark.parametrize("levels", LEVELS)
def test_values_agree_with_scipy(levels: tuple[tuple[int, int], ...]) -> None:
    coefficients, bases, positions, _ = random_case(levels)
    out = periodic_product(coefficients, bases, positions, TILES)
    np.testing.assert_allclose(out, reference(coefficients, bases, positions), atol=5e-5)


@pytest.mark.parametrize("levels", LEVELS)
def test_values_and_gradients_agree_with_the_twin(levels: tuple[tuple[int, int], ...]) -> None:
    coefficients, bases, positions, upstream = random_case(levels)
    results = []
    for twins in (False, True):
        leaves = [tensor.clone().requires_grad_() for tensor in (coefficients, *bases)]
        with use_twins(twins):
            out = periodic_product(leaves[0], leaves[1:], positions, TILES)
            results.append((out, *torch.autograd.grad(out, leaves, upstream)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)


def test_the_gradient_has_the_same_bits_for_any_number_of_threads_and_owners() -> None:
    coefficients, bases, positions, upstream = random_case(LEVELS[1])
    shape = (len(positions), coefficients.shape[3])
    coefficient_values, basis_values = torch.randn(shape, generator=seeded(3)), torch.randn(shape, generator=seeded(4))
    results = []
    threads = numba.get_num_threads()
    try:
        for active in sorted({1, min(2, threads)}):
            numba.set_num_threads(active)
            for owners in (1, 2, 5):
                gradients = [torch.zeros_like(grid) for grid in (coefficients, *bases)]
                cpu.scatter(
                    gradients[0].numpy(),
                    tuple(gradient.numpy() for gradient in gradients[1:]),
                    positions.numpy(),
                    TILES.numpy(),
                    channel_tuple(shape[1]),
                    coefficient_values.numpy(),
                    basis_values.numpy(),
                    upstream.numpy(),
                    owners,
                )
                results.append(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    finally:
        numba.set_num_threads(threads)
    assert all(torch.equal(result, results[0]) for result in results)


def test_no_samples() -> None:
    coefficients, bases, *_ = random_case(LEVELS[0])
    assert periodic_product(coefficients, bases, torch.empty(0, 3), TILES).shape == (0, 7)
