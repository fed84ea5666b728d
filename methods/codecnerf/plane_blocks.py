"""Networks over three planes, each a tensor (plane, channel, row, column) of xy, yz and xz.

Sources: CodecNeRF, sections 3.3 and 3.4; sheet codecnerf.md, §2 and §3; Rodin (Wang et al. 2023) for the rollout.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

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
    """Each plane sees beside itself what the two others know of its rows and of its columns."""

    def __init__(self, inputs: int, outputs: int, side: int = 3) -> None:
        super().__init__()
        self.convolution = PlaneConvolution(3 * inputs, outputs, side)

    def forward(self, planes: Planes) -> Planes:
        return self.convolution(roll_out(planes))


def roll_out(planes: Planes) -> Float[Tensor, "3 channels*3 rows columns"]:
    """Behind each plane the means of the others along the axis that they do not share with it."""
    by_row, by_column = planes.mean(dim=3), planes.mean(dim=2)
    # Rows are x, y, x and columns y, z, z.
    rows = torch.stack([by_row[2], by_column[0], by_row[0]])[:, :, :, None]
    columns = torch.stack([by_row[1], by_column[2], by_column[1]])[:, :, None, :]
    return torch.cat([planes, rows.expand_as(planes), columns.expand_as(planes)], dim=1)


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
