"""A learned, factorised entropy model: one distribution a channel, of any shape.

The cumulative distribution is the network of Ballé et al. (Variational image compression with a scale hyperprior, ICLR
2018, appendix 6.1), evaluated on a table of knots once a step; millions of values then cost a look-up each.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import softplus

from nerfzip.kernels.tabulated import tabulated_sum

KNOTS_PER_SYMBOL = 8
"""Between knots the bits are interpolated. Even, so that half a symbol is a whole number of knots."""
FILTERS = (3, 3, 3, 3)
LEAST_LIKELIHOOD = 1e-9
"""A symbol never costs more than 30 bits, so gradients stay finite."""


class FactorizedModel(nn.Module):
    """One learned distribution of integers for each channel.

    Args:
        channels: how many distributions.
        scale: about the width of the distributions at the start, in symbols.
    """

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        widths = (1, *FILTERS, 1)
        step = scale ** (1 / (len(widths) - 1))
        self.matrices = nn.ParameterList()
        self.biases = nn.ParameterList()
        self.factors = nn.ParameterList()
        for before, after in itertools.pairwise(widths):
            start = math.log(math.expm1(1 / step / after))
            self.matrices.append(nn.Parameter(torch.full((channels, after, before), start)))
            self.biases.append(nn.Parameter(torch.rand(channels, after, 1) - 0.5))
        for after in FILTERS:
            self.factors.append(nn.Parameter(torch.zeros(channels, after, 1)))

    def cumulative_logits(self, values: Float[Tensor, "channels count"]) -> Float[Tensor, "channels count"]:
        """The log-odds of being at most so large."""
        x = values[:, None]
        for index, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            x = torch.baddbmm(bias, softplus(matrix), x)
            if index < len(self.factors):
                x = x + torch.tanh(self.factors[index]) * torch.tanh(x)
        return x[:, 0]

    def bits(self, values: Float[Tensor, "count channels"]) -> Float[Tensor, ""]:
        """What all values cost together, differentiable in the values and the model (JointRF, equation 8)."""
        return self.bits_of_each([values])[0]

    def bits_of_each(self, parts: Sequence[Float[Tensor, "_ _"]]) -> list[Float[Tensor, ""]]:
        """What each part costs; their channels, one part's after another's, are the channels of the model."""
        low = math.floor(min(float(values.detach().min()) for values in parts)) - 1
        high = math.ceil(max(float(values.detach().max()) for values in parts)) + 1
        tables = self._table(low, high).split([values.shape[1] for values in parts])
        return [
            tabulated_sum(table, values, low, 1 / KNOTS_PER_SYMBOL) for table, values in zip(tables, parts, strict=True)
        ]

    def probabilities(self, low: int, high: int) -> Float[Tensor, "channels symbols"]:
        """Of the integers from `low` to `high`, both included; they need not add up to one."""
        return torch.exp2(-self._table(low, high)[:, ::KNOTS_PER_SYMBOL]).detach()

    def _table(self, low: int, high: int) -> Float[Tensor, "channels knots"]:
        """Bits of the values from low to high, a knot every 1/KNOTS_PER_SYMBOL."""
        half = KNOTS_PER_SYMBOL // 2
        steps: Int[Tensor, knots] = torch.arange(KNOTS_PER_SYMBOL * (high - low) + 1 + 2 * half)
        knots = low + (steps - half) / KNOTS_PER_SYMBOL
        logits = self.cumulative_logits(knots.expand(len(self.matrices[0]), -1))
        lower, upper = logits[:, : -2 * half], logits[:, 2 * half :]
        # σ(u) − σ(l) in the tail where both are small, which keeps digits.
        sign = -torch.sign(lower + upper).detach()
        sign = torch.where(sign == 0, torch.ones_like(sign), sign)
        likelihood = (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()
        return -torch.log2(likelihood.clamp(min=LEAST_LIKELIHOOD))
