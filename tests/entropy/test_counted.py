"""Bits by counted frequencies, against the entropy of whole numbers and a sum over all values."""

import math
from collections import Counter

import pytest
import torch

from nerfzip.entropy import counted
from nerfzip.entropy.counted import CountedModel


@pytest.fixture
def no_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "PRIOR_COUNT", 1e-9)


@pytest.mark.usefixtures("no_prior")
def test_whole_numbers_cost_their_entropy() -> None:
    torch.manual_seed(0)
    symbols = (2 * torch.randn(5000)).round()
    shares = [count / len(symbols) for count in Counter(symbols.tolist()).values()]
    entropy = -sum(share * math.log2(share) for share in shares)
    assert float(CountedModel(symbols).bits(symbols)) == pytest.approx(entropy * len(symbols), rel=1e-4)


@pytest.mark.usefixtures("no_prior")
def test_a_value_costs_what_lies_within_half_a_symbol() -> None:
    torch.manual_seed(0)
    # On knots, but never just half a symbol from another.
    values = torch.randint(-40, 40, (400,)).float() / 8 * 2 + 1 / 8
    model = CountedModel(values)
    for value in (0.0, 0.25, 1.5, -3.0):
        near = int(((values - value).abs() < 0.5).sum())
        expected = -math.log2(near / len(values))
        assert float(model.bits(torch.tensor([value]))) == pytest.approx(expected, abs=1e-3)


def test_few_values_are_believed_less() -> None:
    few, many = torch.zeros(4), torch.zeros(100_000)
    one = torch.tensor([1.0])
    assert 1 < float(CountedModel(few).bits(one)) < float(CountedModel(many).bits(one)) < 30


def test_rare_values_are_drawn_to_frequent_ones() -> None:
    torch.manual_seed(0)
    values = torch.cat([torch.zeros(1000), torch.randn(200)])
    moving = torch.tensor([1.6, -1.6]).requires_grad_()
    CountedModel(values).bits(moving).backward()
    assert moving.grad is not None
    assert moving.grad[0] > 0 > moving.grad[1]
