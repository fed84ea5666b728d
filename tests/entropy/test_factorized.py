"""The learned entropy model against closed forms."""

import math

import numpy as np
import pytest
import torch

from nerfzip.entropy.factorized import FactorizedModel


def trained(values: torch.Tensor, steps: int = 200) -> FactorizedModel:
    torch.manual_seed(0)
    model = FactorizedModel(values.shape[1], scale=4.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=4e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        model.bits(values + torch.rand_like(values) - 0.5).backward()
        optimiser.step()
    return model


def test_a_trained_model_comes_near_the_entropy_of_each_channel() -> None:
    generator = np.random.default_rng(0)
    columns = [np.rint(generator.laplace(0, 0.4, 4000)), np.rint(generator.normal(3, 2.5, 4000))]
    values = torch.from_numpy(np.stack(columns, axis=1)).float()
    entropy = 0.0
    for column in columns:
        _, counts = np.unique(column, return_counts=True)
        entropy -= float((counts * np.log2(counts / counts.sum())).sum())
    bits = float(trained(values).bits(values).detach())
    assert entropy * 0.999 < bits < entropy * 1.04


def test_the_bits_are_those_of_the_probabilities() -> None:
    values = torch.randint(-4, 5, (300, 3), generator=torch.Generator().manual_seed(0)).float()
    torch.manual_seed(1)
    model = FactorizedModel(3, scale=2.0)
    table = model.probabilities(-4, 4).double()
    expected = -sum(math.log2(table[c, int(values[n, c]) + 4]) for n in range(300) for c in range(3))
    assert float(model.bits(values).detach()) == pytest.approx(expected, rel=1e-4)


def test_parts_cost_what_they_cost_by_themselves() -> None:
    torch.manual_seed(3)
    values = 9 * torch.randn(200, 5)
    together = FactorizedModel(5, scale=2.0)
    alone = FactorizedModel(3, scale=2.0)
    with torch.no_grad():
        for mine, theirs in zip(alone.parameters(), together.parameters(), strict=True):
            mine.copy_(theirs[2:])
    parts = together.bits_of_each([values[:50, :2], values[:, 2:]])
    torch.testing.assert_close(parts[1], alone.bits(values[:, 2:]), atol=0, rtol=1e-5)


def test_probabilities_are_differences_of_a_cumulative_distribution() -> None:
    torch.manual_seed(2)
    model = FactorizedModel(2, scale=4.0)
    borders = torch.arange(-200, 202).float() - 0.5
    cumulative = torch.sigmoid(model.cumulative_logits(borders.expand(2, -1))).detach()
    assert bool((cumulative.diff(dim=1) >= 0).all())
    table = model.probabilities(-200, 200)
    torch.testing.assert_close(table, cumulative.diff(dim=1).clamp(min=1e-9), atol=2e-6, rtol=1e-3)
    torch.testing.assert_close(table.sum(dim=1), torch.ones(2), atol=2e-3, rtol=0)


def test_far_values_cost_finite_bits_and_have_gradients() -> None:
    model = FactorizedModel(1, scale=1.0)
    values = torch.tensor([[400.0], [-300.0], [0.0]], requires_grad=True)
    bits = model.bits(values)
    (gradient,) = torch.autograd.grad(bits, values)
    assert math.isfinite(float(bits.detach()))
    assert bool(torch.isfinite(gradient).all())
