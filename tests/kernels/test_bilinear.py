import pytest
import torch
from kernel_cases import seeded, threads_and_owners
from torch import Tensor
from torch.nn.functional import grid_sample

from nerfzip.kernels import interpolate_bilinear, use_twins
from nerfzip.kernels.cpu import bilinear as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.twins import bilinear as twin

SHAPES = [(1, 1), (1, 6), (5, 1), (4, 8), (13, 7)]


def random_case(shape: tuple[int, int], channels: int, samples: int = 300) -> tuple[Tensor, Tensor, Tensor]:
    plane = torch.randn(*shape, channels, generator=seeded(0))
    positions = (1.6 * torch.rand(samples, 2, generator=seeded(1)) - 0.3) * torch.tensor(shape)
    positions[: samples // 5] = positions[: samples // 5].round()
    return plane, positions, torch.randn(samples, channels, generator=seeded(2))


def reference(plane: Tensor, positions: Tensor) -> Tensor:
    last = torch.tensor(plane.shape[:2], dtype=torch.float64) - 1
    coordinates = (2 * positions.double() / last.clamp(min=1e-9) - 1).flip(-1)[None, None]
    out = grid_sample(plane.double().permute(2, 0, 1)[None], coordinates, padding_mode="border", align_corners=True)
    return out[0, :, 0].T


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", [1, 12])
def test_values_and_gradients_agree_with_grid_sample_and_the_twin(shape: tuple[int, int], channels: int) -> None:
    plane, positions, upstream = random_case(shape, channels)
    results = []
    for interpolate in (interpolate_bilinear, twin.gather, reference):
        leaf = plane.clone().requires_grad_()
        out = interpolate(leaf, positions)
        (gradient,) = torch.autograd.grad(out, leaf, upstream.to(out.dtype))
        results.append((out.detach().double(), gradient.double()))
    for out, gradient in results[:2]:
        torch.testing.assert_close(out, results[2][0], atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(gradient, results[2][1], atol=5e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_scatter_has_the_same_bits_for_any_number_of_threads_and_owners(shape: tuple[int, int]) -> None:
    plane, positions, amounts = random_case(shape, 12, samples=3000)
    results = []
    for owners in threads_and_owners():
        values = torch.zeros_like(plane)
        cpu.scatter(values.numpy(), positions.numpy(), amounts.numpy(), channel_tuple(12), owners)
        results.append(values)
    assert all(torch.equal(values, results[0]) for values in results)


@pytest.mark.parametrize("twins", [False, True])
def test_no_samples(twins: bool) -> None:
    plane = torch.ones(3, 4, 12, requires_grad=True)
    with use_twins(twins):
        out = interpolate_bilinear(plane, torch.zeros(0, 2))
    out.sum().backward()
    assert out.shape == (0, 12)
    assert plane.grad is not None
    assert not plane.grad.any()
