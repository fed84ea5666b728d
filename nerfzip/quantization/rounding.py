"""How training sees values that a file holds as whole numbers."""

from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor


class Rounding(Enum):
    """How a step of training rounds."""

    NONE = "none"
    NOISE = "noise"
    """Uniform noise of one symbol's width in place of rounding (Ballé et al., End-to-end optimized image compression,
    2017)."""
    ROUND = "round"
    """Rounded, with straight-through gradients."""

    def apply(self, symbols: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Symbols as real numbers, differentiable."""
        if self is Rounding.NOISE:
            return symbols + (torch.rand_like(symbols) - 0.5)
        if self is Rounding.ROUND:
            return symbols + (symbols.round() - symbols).detach()
        return symbols
