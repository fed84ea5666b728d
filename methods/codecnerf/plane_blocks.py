"""Networks over three planes, each a tensor (plane, channel, row, column) of xy, yz and xz.

Sources: CodecNeRF, sections 3.3 and 3.4; sheet codecnerf.md, §2 and §3; Rodin (Wang et al. 2023) for the rollout.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, scaled_dot_product_attention

Planes = Float[Tensor, "3 channels rows columns"]
NORM_EPSILON = 1e-6
MOST_GROUPS = 32
"""Of group normalisation."""
ATTENTION_GAIN, PROJECTION_GAIN = math.sqrt(0.2), 1e-5
"""Of the weights at the start: attention begins as nearly nothing."""


def _convolution(inputs: int, outputs: int, side: int) -> nn.Conv2d:
    """Its own weights for each plane."""
    return nn.Conv2d(3 * inputs, 3 * outputs, side, padding=side // 2, groups=3)


class PlaneConvolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, side: int = 3) -> None:
        super().__init__()
        self.convolution = _convolution(inputs, outputs, side)

    def forward(self, planes: Planes) -> Planes:
        return self.convolution(planes.flatten(0, 1)[None])[0].unflatten(0, (3, -1))


class RolloutConvolution(nn.Module):
    """Each plane sees beside itself what the two others know of its rows and of its columns.

    What they know is the same all along a row or a column, so all but the cells at its ends have the same convolution.
    """

    def __init__(self, inputs: int, outputs: int, side: int = 3) -> None:
        super().__init__()
        self.convolution = _convolution(3 * inputs, outputs, side)

    def forward(self, planes: Planes) -> Planes:
        rows, columns = roll_out(planes)
        own, of_rows, of_columns = self.convolution.weight.unflatten(1, (3, -1)).unbind(1)
        side = own.shape[3]
        return (
            self._convolve(planes, own, self.convolution.bias)
            + _stretched(self._convolve(rows.expand(-1, -1, -1, side), of_rows), 3, planes.shape[3])
            + _stretched(self._convolve(columns.expand(-1, -1, side, -1), of_columns), 2, planes.shape[2])
        )

    def _convolve(self, planes: Planes, weight: Tensor, bias: Tensor | None = None) -> Planes:
        stacked = conv2d(planes.flatten(0, 1)[None], weight, bias, padding=self.convolution.padding, groups=3)
        return stacked[0].unflatten(0, (3, -1))


def _stretched(values: Tensor, dim: int, size: int) -> Tensor:
    """To `size` cells along an axis; those in the middle are the same."""
    ends = values.shape[dim] // 2
    middle = values.narrow(dim, ends, 1)
    shape = [size - 2 * ends if axis == dim else -1 for axis in range(values.ndim)]
    parts = [values.narrow(dim, 0, ends), middle.expand(shape), values.narrow(dim, ends + 1, ends)]
    return torch.cat(parts, dim=dim)


def roll_out(planes: Planes) -> tuple[Float[Tensor, "3 channels rows 1"], Float[Tensor, "3 channels 1 columns"]]:
    """For each plane the means of the others along the axis that they do not share with it: by row and by column."""
    by_row, by_column = planes.mean(dim=3), planes.mean(dim=2)
    # Rows are x, y, x and columns y, z, z.
    rows = torch.stack([by_row[2], by_column[0], by_row[0]])[:, :, :, None]
    columns = torch.stack([by_row[1], by_column[2], by_column[1]])[:, :, None, :]
    return rows, columns


class GroupResidualBlock(nn.Module):
    """Four convolutions and a shortcut, on each plane by itself."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _convolution(inputs, outputs, 3),
            nn.SiLU(),
            _convolution(outputs, outputs, 3),
            nn.InstanceNorm2d(3 * outputs, eps=NORM_EPSILON, affine=True),
            nn.SiLU(),
            _convolution(outputs, outputs, 3),
            nn.SiLU(),
            _convolution(outputs, outputs, 3),
        )
        self.shortcut = nn.Identity() if inputs == outputs else _convolution(inputs, outputs, 1)

    def forward(self, planes: Planes) -> Planes:
        stacked = planes.flatten(0, 1)[None]
        return (self.shortcut(stacked) + self.layers(stacked))[0].unflatten(0, (3, -1))


class PlaneAttention(nn.Module):
    """One head of attention over all cells of the three planes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_groups(channels), channels, eps=NORM_EPSILON)
        self.queries_keys_values = nn.Linear(channels, 3 * channels)
        self.projection = nn.Linear(channels, channels)
        for layer, gain in ((self.queries_keys_values, ATTENTION_GAIN), (self.projection, PROJECTION_GAIN)):
            nn.init.xavier_uniform_(layer.weight, gain)
            nn.init.zeros_(layer.bias)

    def forward(self, planes: Planes) -> Planes:
        stacked = planes.transpose(0, 1).flatten(1, 2)[None]
        tokens = self.norm(stacked)[0].flatten(1).T
        queries, keys, values = self.queries_keys_values(tokens)[None].chunk(3, dim=2)
        attended = self.projection(scaled_dot_product_attention(queries, keys, values)[0])
        attended = attended.T.unflatten(1, (3, *planes.shape[2:])).transpose(0, 1)
        return (planes + attended) * math.sqrt(0.5)


def enlarged(planes: Planes, factor: int) -> Planes:
    """To so many times the side."""
    return planes if factor == 1 else interpolate(planes, scale_factor=factor, mode="bilinear", align_corners=False)


class RolloutBlock(nn.Module):
    """A residual block of three rollout convolutions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(PlaneNorm(inputs), nn.SiLU(), RolloutConvolution(inputs, outputs))
        self.second = nn.Sequential(
            PlaneNorm(outputs), nn.SiLU(), RolloutConvolution(outputs, outputs), RolloutConvolution(outputs, outputs)
        )
        self.shortcut = nn.Identity() if inputs == outputs else PlaneConvolution(inputs, outputs, 1)

    def forward(self, planes: Planes) -> Planes:
        return self.shortcut(planes) + self.second(self.first(planes))


class PlaneNorm(nn.Module):
    """Group normalisation, over the three planes together."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_groups(channels), channels, eps=NORM_EPSILON)

    def forward(self, planes: Planes) -> Planes:
        return self.norm(planes.transpose(0, 1)[None])[0].transpose(0, 1)


def _groups(channels: int) -> int:
    return math.gcd(channels, min(MOST_GROUPS, max(1, channels // 4)))
