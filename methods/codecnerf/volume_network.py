"""The network that works on the volume, and its three projections (CodecNeRF, sections 3.2 and 3.3, equation 2)."""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

GROUPS = 8
"""Of the normalisation."""


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv3d(inputs, outputs, 3, stride, padding=1)
    return nn.Sequential(nn.GroupNorm(math.gcd(GROUPS, inputs), inputs), nn.SiLU(), convolution)


def _upwards(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.ConvTranspose3d(inputs, outputs, 3, 2, padding=1, output_padding=1)
    return nn.Sequential(nn.GroupNorm(math.gcd(GROUPS, inputs), inputs), nn.SiLU(), convolution)


class VolumeNetwork(nn.Module):
    """A U-Net. The sides of the volumes must be multiples of 2^(levels − 1).

    Args:
        inputs: channels of the volume.
        widths: channels at each level; the first are those of the output.
    """

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv3d(inputs, widths[0], 3, padding=1), _block(widths[0], widths[0]))
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for before, after in itertools.pairwise(widths):
            self.down.append(nn.Sequential(_block(before, after, stride=2), _block(after, after), _block(after, after)))
            self.up.append(_upwards(after, before))
        # On the CPU convolutions of this form are almost twice as fast.
        self.to(memory_format=torch.channels_last_3d)

    def forward(self, volumes: Float[Tensor, "objects inputs x y z"]) -> Float[Tensor, "objects outputs x y z"]:
        levels = [self.first(volumes.contiguous(memory_format=torch.channels_last_3d))]
        for down in self.down:
            levels.append(down(levels[-1]))
        values = levels.pop()
        for up in reversed(self.up):
            values = up(values) + levels.pop()
        return values


class Projection(nn.Module):
    """The means along each axis: planes xy, yz and xz, the first of their axes first."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3 * inputs, 3 * outputs, 1, groups=3)

    def forward(
        self, volume: Float[Tensor, "inputs x y z"], weights: Float[Tensor, "1 x y z"] | None = None
    ) -> Float[Tensor, "3 outputs side side"]:
        """
        Args:
            weights: positive, of the means.
        """
        axes = (3, 1, 2)
        if weights is None:
            planes = [volume.mean(dim=axis) for axis in axes]
        else:
            weighted = weights * volume
            planes = [weighted.sum(dim=axis) / weights.sum(dim=axis) for axis in axes]
        return self.mix(torch.cat(planes)[None])[0].unflatten(0, (3, -1))
