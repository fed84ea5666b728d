"""Multi-scale structural similarity (Wang, Simoncelli and Bovik, "Multi-scale structural similarity", 2003)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from nerfzip.metrics.ssim import WINDOW, similarity_maps

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the five scales, finest first."""
SMALLEST_SIDE = (WINDOW - 1) * 2 ** (len(EXPONENTS) - 1) + 1
"""161 pixels: below, the window does not fit at the coarsest scale."""


def ms_ssim(prediction: Float[Tensor, "height width channels"], truth: Float[Tensor, "height width channels"]) -> float:
    """Product over five scales of the mean structure term, and the mean luminance at the coarsest, each to its power.

    Taken per channel, then averaged over the channels. Each scale halves the one before by averages of 2×2 pixels; an
    odd last row or column is averaged with its own mirror image, as in the authors' code. A negative mean structure
    counts as zero (its fractional power is not real).

    Args:
        prediction, truth: values in [0, 1], at least 161 pixels in either direction.
    """
    result = torch.ones(prediction.shape[2], dtype=torch.float64, device=prediction.device)
    for scale, exponent in enumerate(EXPONENTS):
        structure, luminance = similarity_maps(prediction, truth)
        coarsest = scale == len(EXPONENTS) - 1
        term = (structure * luminance if coarsest else structure).mean(dim=(1, 2))
        result = result * term.clamp(min=0) ** exponent
        prediction, truth = _halve(prediction), _halve(truth)
    return float(result.mean())


def _halve(image: Float[Tensor, "height width channels"]) -> Float[Tensor, "half_height half_width channels"]:
    channels_first = image.double().permute(2, 0, 1)[None]
    even = functional.pad(channels_first, (0, image.shape[1] % 2, 0, image.shape[0] % 2), mode="replicate")
    return functional.avg_pool2d(even, 2)[0].permute(1, 2, 0)
