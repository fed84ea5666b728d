"""Widths of quantization that a file holds as small whole numbers: powers of two, and three between each."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

CODES_PER_OCTAVE = 4
SMALLEST_CODE, LARGEST_CODE = -120, 80
"""From 2⁻³⁰ to 2²⁰."""
_FRACTIONS = np.array([1.0, 1.1892071, 1.4142135, 1.6817929], np.float32)


def nearest_codes_of_steps(steps: Float[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    """The code of the nearest step, by ratio; steps of zero get the smallest."""
    octaves = torch.log2(steps.detach().double().clamp(min=torch.finfo(torch.float64).tiny))
    return (CODES_PER_OCTAVE * octaves).round().clamp(SMALLEST_CODE, LARGEST_CODE).to(torch.int32)


def steps_of_codes(codes: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """float32, the same bits on every machine: an entry of a table times a power of two."""
    octaves, fractions = np.divmod(codes.cpu().numpy(), CODES_PER_OCTAVE)
    return torch.from_numpy(np.ldexp(_FRACTIONS[fractions], octaves)).to(codes.device)
