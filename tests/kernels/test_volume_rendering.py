import pytest
import torch
from kernel_cases import seeded
from torch import Tensor

from nerfzip.kernels import accumulate_along_rays, render_weights, use_twins
from nerfzip.kernels.twins import volume_rendering as twin


def random_case(counts: list[int], opaque: bool = False) -> tuple[Tensor, Tensor]:
    alphas = torch.rand(sum(counts), generator=seeded(0))
    if opaque:
        alphas[torch.rand(len(alphas), generator=seeded(1)) < 0.2] = 1
        alphas[torch.rand(len(alphas), generator=seeded(2)) < 0.2] = 0
    return alphas, torch.tensor([0, *counts]).cumsum(0)


COUNTS = [[], [0], [0, 0, 0], [1], [5, 0, 1, 3, 0], [0, 64, 2], [7] * 40]


def slow_weights(alphas: Tensor, offsets: Tensor) -> tuple[list[float], list[float]]:
    weights, left = [], []
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        transmittance = 1.0
        for alpha in alphas[begin:end].tolist():
            weights.append(transmittance * alpha)
            transmittance *= 1 - alpha
        left.append(transmittance)
    return weights, left


def test_five_samples_by_hand() -> None:
    """Two on the first ray, none on the second, three on the third."""
    alphas, offsets = torch.tensor([0.5, 0.25, 0.2, 1.0, 0.7]), torch.tensor([0, 2, 2, 5])
    values = torch.tensor([[1.0, 0.0, 2.0], [0.0, 4.0, 8.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0], [9.0, 9.0, 9.0]])
    weights, transmittance = render_weights(alphas, offsets)
    torch.testing.assert_close(weights, torch.tensor([0.5, 0.125, 0.2, 0.8, 0.0]))
    torch.testing.assert_close(transmittance, torch.tensor([0.375, 1.0, 0.0]))
    pixels = accumulate_along_rays(weights, values, offsets)
    torch.testing.assert_close(pixels, torch.tensor([[0.5, 0.5, 2.0], [0.0, 0.0, 0.0], [2.0, 8.0, 0.0]]))


def test_gradients_of_five_samples_by_hand() -> None:
    """L = w₁ + 2 w₂ + 3 w₃ + 8 T on one ray with α = ½ each.

    ∂L/∂α₁ = 1 − ½·2 − ¼·3 − ¼·8 and so on.
    """
    alphas = torch.full((3,), 0.5, requires_grad=True)
    weights, transmittance = render_weights(alphas, torch.tensor([0, 3]))
    (weights @ torch.tensor([1.0, 2.0, 3.0]) + 8 * transmittance[0]).backward()
    torch.testing.assert_close(alphas.grad, torch.tensor([1 - 1 - 0.75 - 2, 0.5 * (2 - 1.5 - 4), 0.25 * (3 - 8)]))


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("opaque", [False, True])
def test_weights_and_their_gradient(counts: list[int], opaque: bool) -> None:
    alphas, offsets = random_case(counts, opaque)
    upstream = torch.randn(len(alphas), generator=seeded(3)), torch.randn(len(counts), generator=seeded(4))
    results = []
    for form, dtype in ((render_weights, torch.float32), (twin.render_weights, torch.float64)):
        leaf = alphas.to(dtype).requires_grad_()
        out = form(leaf, offsets)
        (gradient,) = torch.autograd.grad(out, leaf, [part.to(dtype) for part in upstream])
        results.append([part.detach().double() for part in (*out, gradient)])
    torch.testing.assert_close(results[0], results[1], atol=1e-6, rtol=1e-5)
    weights, left = slow_weights(alphas.double(), offsets)
    torch.testing.assert_close(results[0][0], torch.tensor(weights, dtype=torch.float64), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(results[0][1], torch.tensor(left, dtype=torch.float64), atol=1e-6, rtol=1e-5)


def test_the_twins_gradient_is_that_of_finite_differences() -> None:
    alphas, offsets = random_case([3, 0, 2])
    leaf = alphas.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: twin.render_weights(a, offsets), leaf)


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("channels", [1, 3, 12])
def test_accumulation_and_its_gradients(counts: list[int], channels: int) -> None:
    weights, offsets = random_case(counts)
    values = torch.randn(len(weights), channels, generator=seeded(5))
    upstream = torch.randn(len(counts), channels, generator=seeded(6))
    results = []
    for form, dtype in ((accumulate_along_rays, torch.float32), (twin.accumulate, torch.float64)):
        leaves = weights.to(dtype).requires_grad_(), values.to(dtype).requires_grad_()
        out = form(*leaves, offsets)
        gradients = torch.autograd.grad(out, leaves, upstream.to(dtype))
        results.append([part.detach().double() for part in (out, *gradients)])
    torch.testing.assert_close(results[0], results[1], atol=2e-5, rtol=1e-5)
    for ray, (begin, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        expected = (weights[begin:end, None].double() * values[begin:end].double()).sum(dim=0)
        torch.testing.assert_close(results[0][0][ray], expected, atol=2e-5, rtol=1e-5)


def test_the_public_functions_have_a_twin() -> None:
    alphas, offsets = random_case([4, 1])
    compiled = render_weights(alphas, offsets)
    with use_twins():
        torch.testing.assert_close(render_weights(alphas, offsets), compiled)
        values = torch.ones(5, 3)
        expected = (1 - compiled[1])[:, None].expand(-1, 3)
        torch.testing.assert_close(accumulate_along_rays(compiled[0], values, offsets), expected)
