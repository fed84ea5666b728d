import numba
import numpy as np
import pytest
import torch
from kernel_cases import seeded

from nerfzip.kernels import use_twins
from nerfzip.kernels.tabulated import tabulated_sum

FIRST, SPACING = -3.0, 0.25


def random_case(count: int, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    table = torch.rand(channels, 25, generator=seeded(0))
    return table, 2 * torch.randn(count, channels, generator=seeded(1))


@pytest.mark.parametrize(("count", "channels"), [(0, 3), (1, 1), (63, 2), (2000, 18)])
def test_the_sum_is_that_of_numpy_inside_the_table(count: int, channels: int) -> None:
    table, values = random_case(count, channels)
    values = values.clamp(FIRST, FIRST + 24 * SPACING)
    knots = FIRST + SPACING * np.arange(25)
    expected = sum(np.interp(values[:, c].double(), knots, table[c].double()).sum() for c in range(channels))
    assert float(tabulated_sum(table, values, FIRST, SPACING)) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("count", "channels"), [(1, 1), (63, 2), (2000, 18)])
def test_value_and_gradients_agree_with_the_twin_outside_too(count: int, channels: int) -> None:
    results = []
    for twins in (False, True):
        leaves = [tensor.requires_grad_() for tensor in random_case(count, channels)]
        with use_twins(twins):
            total = tabulated_sum(*leaves, FIRST, SPACING)
            results.append((total, *torch.autograd.grad(2 * total, leaves)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-4)


def test_the_sum_has_the_same_bits_for_any_number_of_threads() -> None:
    table, values = random_case(5000, 4)
    threads = numba.get_num_threads()
    try:
        results = []
        for active in sorted({1, min(2, threads)}):
            numba.set_num_threads(active)
            leaf = table.clone().requires_grad_()
            total = tabulated_sum(leaf, values, FIRST, SPACING)
            results.append((total.detach(), torch.autograd.grad(total, leaf)[0]))
    finally:
        numba.set_num_threads(threads)
    assert all(torch.equal(a, b) for result in results for a, b in zip(result, results[0], strict=True))
