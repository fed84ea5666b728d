import numba
import numpy as np
import pytest
import torch
from kernel_cases import seeded
from scipy.ndimage import map_coordinates
from torch import Tensor

from nerfzip.kernels import use_twins
from nerfzip.kernels.cpu import triplanes as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.triplanes import sample_triplanes

SCALES = [((5, 5),), ((4, 7), (9, 3)), ((1, 1), (6, 2))]
"""Rows and columns of the planes of each scale."""
AXES = ((0, 1), (1, 2), (0, 2))


def random_case(sizes: tuple[tuple[int, int], ...], channels: int) -> tuple[list[Tensor], Tensor, Tensor]:
    scales = [torch.randn(3, *size, channels, generator=seeded(size[0])) for size in sizes]
    positions = 1.4 * torch.rand(500, 3, generator=seeded(1)) - 0.2
    positions[:9] = torch.tensor([0.0, 1.0, 0.5])
    return scales, positions, torch.randn(500, len(sizes) * channels, generator=seeded(2))


def reference(scales: list[Tensor], positions: Tensor) -> np.ndarray:
    """By scipy, in float64."""
    features = []
    for planes in scales:
        last = np.array(planes.shape[1:3]) - 1
        total: np.ndarray | float = 0.0
        for plane, axes in zip(planes.double().numpy(), AXES, strict=True):
            where = (positions[:, axes].double().numpy().clip(0, 1) * last).T
            total = total + np.stack([map_coordinates(channel, where, order=1) for channel in np.moveaxis(plane, 2, 0)])
        features.append(np.asarray(total).T / 3)
    return np.concatenate(features, axis=1)


@pytest.mark.parametrize("sizes", SCALES)
@pytest.mark.parametrize("channels", [1, 8])
@pytest.mark.parametrize("twins", [False, True])
def test_values_agree_with_scipy(sizes: tuple[tuple[int, int], ...], channels: int, twins: bool) -> None:
    scales, positions, _ = random_case(sizes, channels)
    with use_twins(twins):
        out = sample_triplanes(scales, positions)
    np.testing.assert_allclose(out, reference(scales, positions), atol=1e-5)


@pytest.mark.parametrize("sizes", SCALES)
@pytest.mark.parametrize("channels", [1, 8])
def test_gradients_agree_with_the_twin(sizes: tuple[tuple[int, int], ...], channels: int) -> None:
    scales, positions, upstream = random_case(sizes, channels)
    results = []
    for twins in (False, True):
        leaves = [planes.clone().requires_grad_() for planes in scales]
        with use_twins(twins):
            results.append(torch.autograd.grad(sample_triplanes(leaves, positions), leaves, upstream))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_the_gradient_has_the_same_bits_for_any_number_of_threads_and_owners() -> None:
    scales, positions, upstream = random_case(SCALES[1], 8)
    results, threads = [], numba.get_num_threads()
    try:
        for active in sorted({1, min(2, threads)}):
            numba.set_num_threads(active)
            for owners in (1, 2, 5):
                gradients = [torch.zeros_like(planes) for planes in scales]
                arrays = tuple(gradient.numpy() for gradient in gradients)
                cpu.scatter(arrays, positions.numpy(), upstream.numpy(), channel_tuple(8), owners)
                results.append(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    finally:
        numba.set_num_threads(threads)
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize("twins", [False, True])
def test_no_samples(twins: bool) -> None:
    scales, *_ = random_case(SCALES[1], 8)
    with use_twins(twins):
        assert sample_triplanes(scales, torch.empty(0, 3)).shape == (0, 16)
