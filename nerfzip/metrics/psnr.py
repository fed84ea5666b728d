"""Peak signal-to-noise ratio."""

import torch
from jaxtyping import Float
from torch import Tensor

IDENTICAL = 120.0
"""The PSNR of identical images, in dB: a number rather than infinity, so that means stay finite and JSON can hold it.

It lies above any other value of two 8-bit images of up to 5 megapixels.
"""


def psnr(prediction: Float[Tensor, "*shape"], truth: Float[Tensor, "*shape"]) -> float:
    """−10 log₁₀ of the mean squared error, in dB; values in [0, 1]; 120 at most, for identical images."""
    error = torch.mean((prediction.double() - truth.double()) ** 2)
    return float(-10 * torch.log10(error.clamp(min=10 ** (-IDENTICAL / 10))))
