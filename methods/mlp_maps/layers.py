"""Convolutions with an equalised learning rate (Karras et al., Progressive Growing of GANs, 2018, §4.1)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Of leaky ReLUs, for negative values."""
GAIN = math.sqrt(2 / (1 + SLOPE**2))


class EqualisedLinear(nn.Module):
    """Weights of unit variance are stored; they are scaled when they are used, so that all learn equally fast."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain = GAIN / math.sqrt(inputs)

    def forward(self, values: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        return functional.leaky_relu(functional.linear(values, self.weight * self.gain, self.bias), SLOPE)


class EqualisedUpsampling(nn.Module):
    """A transposed convolution that doubles the resolution, with a bias for each channel of each output pixel.

    Args:
        size: pixels along each side of the output.
    """

    KERNEL, STRIDE = 4, 2

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        # Each value fills 2×2 of the kernel, so that at first the upsampling is that of the nearest pixel.
        coarse = torch.randn(inputs, outputs, self.KERNEL // 2, self.KERNEL // 2)
        self.weight = nn.Parameter(coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        self.bias = nn.Parameter(torch.zeros(outputs, size, size))
        self.gain = GAIN / math.sqrt(inputs * self.KERNEL**2 / self.STRIDE**2)

    def forward(self, values: Float[Tensor, "batch inputs h w"]) -> Float[Tensor, "batch outputs H W"]:
        upsampled = functional.conv_transpose2d(values, self.weight * self.gain, stride=self.STRIDE, padding=1)
        return functional.leaky_relu(upsampled + self.bias, SLOPE)


class NormalisedConvolution(nn.Module):
    """Halves the resolution; the kernel of each output channel has length 1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 4, 4))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, values: Float[Tensor, "batch inputs H W"]) -> Float[Tensor, "batch outputs h w"]:
        kernel = functional.normalize(self.weight.flatten(1), dim=1).view_as(self.weight)
        return functional.leaky_relu(functional.conv2d(values, kernel, self.bias, stride=2, padding=1), SLOPE)


class NormalisedLinear(nn.Module):
    """The weights of each output have length 1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, values: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        weight = functional.normalize(self.weight, dim=1)
        return functional.leaky_relu(functional.linear(values, weight, self.bias), SLOPE)
