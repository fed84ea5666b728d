"""8-bit scalar quantization (VQRF §6; its spec sheet, §3.4)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int8
from torch import Tensor

from nerfzip.errors import TrainingError

SMALLEST_SCALE = 1e-30
"""Far above float32's subnormal numbers, which some machines round to zero."""
LARGEST_ZERO_POINT = 2**20
"""Code minus zero point must be an exact float32."""


@dataclass(frozen=True, eq=False)
class Quantizer:
    """value ≈ (code − zero_point) · scale, with codes from −128 to 127.

    Attributes:
        scale: float32, positive: one number, or one for each row, shaped to broadcast ("rows 1").
        zero_point: the code that zero would have; it may lie outside the codes.
    """

    scale: Float[Tensor, "..."]
    zero_point: int = 0

    def quantize(self, values: Float[Tensor, "*shape"]) -> Int8[Tensor, "*shape"]:
        """The nearest code; values beyond the range are clipped to it."""
        return (torch.round(values / self.scale) + self.zero_point).clamp(-128, 127).to(torch.int8)

    def dequantize(self, codes: Int8[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """float32, the same bits on every machine: an exact difference of integers and one rounded product."""
        return (codes.to(torch.int32) - self.zero_point).to(torch.float32) * self.scale


def quantizer_by_spread(values: Float[Tensor, "*shape"], steps_per_deviation: float = 15.0) -> Quantizer:
    """One scale for a tensor: its standard deviation / 15, so that the range is about ±8.5 deviations round the mean.

    The authors' code sets the zero point to the mean of the values, though it counts steps; here it is −mean / scale,
    so that the codes lie round 0. A constant tensor comes back exactly; an empty one gets scale 1.

    Raises:
        TrainingError: the values are not finite.
    """
    if values.numel() == 0:
        return Quantizer(torch.ones((), device=values.device))
    values = values.detach().double()
    mean, deviation = values.mean().float(), values.std(correction=0).float()
    if not bool(torch.isfinite(mean) & torch.isfinite(deviation)):
        raise TrainingError("values to be quantized must be finite")
    smallest = (mean.abs() / LARGEST_ZERO_POINT).clamp(min=SMALLEST_SCALE)
    scale = torch.maximum(deviation / steps_per_deviation, smallest)
    return Quantizer(scale, -round(float(mean.double() / scale.double())))


def quantizer_by_rows(weights: Float[Tensor, "rows columns"], bits: int = 8) -> Quantizer:
    """A scale for each row (an output of a linear layer): its largest magnitude / 127 with 8 bits; nothing is clipped.

    Args:
        bits: from 2 to 8.

    Raises:
        TrainingError: the weights are not finite.
    """
    largest = weights.detach().float().abs().amax(dim=1, keepdim=True)
    if not bool(torch.isfinite(largest).all()):
        raise TrainingError("weights to be quantized must be finite")
    return Quantizer((largest / (2 ** (bits - 1) - 1)).clamp(min=SMALLEST_SCALE))


def fake_quantize(values: Float[Tensor, "*shape"], quantizer: Quantizer) -> Float[Tensor, "*shape"]:
    """The values as they will be decoded, to the bit, with the gradient of the values themselves (straight-through).

    Clipped values get their gradient too, so that they can come back into the range.
    """
    decoded = quantizer.dequantize(quantizer.quantize(values.detach()))
    return decoded + (values - values.detach())
