"""An entropy model without parameters: how often each symbol occurs, counted again from time to time."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.tabulated import tabulated_sum

KNOTS_PER_SYMBOL = 8
"""Between knots the bits are interpolated. Even, so that half a symbol is a whole number of knots."""
PRIOR_COUNT = 32
"""So many values are thought to be distributed by Laplace's law: a few values say little of what others will be."""
LEAST_SCALE = 0.1
"""Of Laplace's law, in symbols."""


class CountedModel:
    """What symbols cost, by the distribution of the values themselves as they were when it was counted.

    A symbol's probability is the share of values that would be rounded to it; between symbols, of those that lie within
    half a symbol. So bits are differentiable in the values, and for whole numbers they are those of a coder that stores
    the table of frequencies.

    Args:
        values: real numbers, in symbols.
    """

    @torch.no_grad()
    def __init__(self, values: Float[Tensor, "count"]) -> None:
        values = values.detach()
        low, high = math.floor(float(values.min())) - 1, math.ceil(float(values.max())) + 1
        self.low = low
        half = KNOTS_PER_SYMBOL // 2
        knots = KNOTS_PER_SYMBOL * (high - low) + 1
        cells = ((values - low) * KNOTS_PER_SYMBOL).round().long() + half
        counts = torch.bincount(cells, minlength=knots + 2 * half).double()
        # Within half a symbol of each knot; the outermost cells lie in two such windows.
        sums = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        ends = counts[: -2 * half] + counts[2 * half :]
        inside = sums[2 * half + 1 :] - sums[: -2 * half - 1] - ends / 2
        positions = low + torch.arange(knots, dtype=torch.float64) / KNOTS_PER_SYMBOL
        scale = max(float(values.abs().mean()), LEAST_SCALE)
        # By symmetry on the left, where differences keep their digits.
        left = -positions.abs()
        prior = _laplace(left + 0.5, scale) - _laplace(left - 0.5, scale)
        likelihood = (inside + PRIOR_COUNT * prior) / (len(values) + PRIOR_COUNT)
        self.table = -torch.log2(likelihood.clamp(min=torch.finfo(torch.float32).tiny))[None].float()

    def bits(self, values: Float[Tensor, "count"]) -> Float[Tensor, ""]:
        """What all values cost together."""
        return tabulated_sum(self.table, values[:, None], self.low, 1 / KNOTS_PER_SYMBOL)


def _laplace(values: Tensor, scale: float) -> Tensor:
    """The cumulative distribution."""
    tail = 0.5 * torch.exp(-values.abs() / scale)
    return torch.where(values < 0, tail, 1 - tail)
