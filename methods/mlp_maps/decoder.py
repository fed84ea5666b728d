"""From a frame's latent code to its planes: features, density networks and colour networks (sheet mlp_maps.md §1.3)."""

import itertools
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from methods.mlp_maps.layers import EqualisedLinear, EqualisedUpsampling

START = 4
"""Pixels along each side of the first feature map."""
KERNEL = 3


@dataclass(frozen=True)
class DecoderSizes:
    """Of the decoder.

    Attributes:
        latent: values of a latent code.
        channels: of the 4×4 feature map, and after each upsampling.
        features: channels of a feature plane and of a density plane.
        density_channels: after each halving of the resolution before the density planes; empty keeps it.
        colour_channels: after each halving of the resolution before the colour maps.
        colour_rank: 0 gives each colour map a layer of its own (the paper). Otherwise all networks are sums of so many
            that they share (ours, for compression).
    """

    latent: int
    channels: tuple[int, ...]
    features: int
    density_channels: tuple[int, ...]
    colour_channels: tuple[int, ...]
    colour_rank: int = 0

    @property
    def resolution(self) -> int:
        """Of the feature planes."""
        return START * 2 ** (len(self.channels) - 1)

    @property
    def density_resolution(self) -> int:
        return self.resolution // 2 ** len(self.density_channels)

    @property
    def colour_resolution(self) -> int:
        """Networks along each side of a colour map."""
        return self.resolution // 2 ** len(self.colour_channels)


@dataclass(frozen=True)
class Planes:
    """What the decoder makes of a latent code; planes and maps are channels-last.

    Attributes:
        features: one for each plane.
        densities, colours: one for each map; a colour map holds a network's parameters in each cell.
    """

    features: list[Float[Tensor, "width width features"]]
    densities: list[Float[Tensor, "nodes nodes features"]]
    colours: list[Float[Tensor, "cells cells parameters"]]


class PlaneDecoder(nn.Module):
    """Shared by all frames.

    Args:
        planes: how many feature planes there are.
        maps: how many density planes and colour maps.
        parameters: of each colour network.
    """

    def __init__(self, sizes: DecoderSizes, planes: int, maps: int, parameters: int) -> None:
        super().__init__()
        self.sizes = sizes
        first, last = sizes.channels[0], sizes.channels[-1]
        self.start = EqualisedLinear(sizes.latent, first * START**2)
        pairs = enumerate(itertools.pairwise(sizes.channels), start=1)
        self.backbone = nn.Sequential(
            *(EqualisedUpsampling(before, after, START * 2**index) for index, (before, after) in pairs)
        )
        self.planes = planes
        self.features = nn.Conv2d(last, planes * sizes.features, KERNEL, padding=1)
        self.maps = maps
        if maps:
            self.density_trunk = halving(last, sizes.density_channels)
            self.densities = nn.Conv2d((last, *sizes.density_channels)[-1], maps * sizes.features, KERNEL, padding=1)
            self.colour_trunk = halving(last, sizes.colour_channels)
            inputs = (last, *sizes.colour_channels)[-1]
            rank = sizes.colour_rank
            if rank:
                shared = nn.Conv2d(rank, maps * parameters, 1)
                self.colours = nn.ModuleList([nn.Conv2d(inputs, rank, KERNEL, padding=1), shared])
            else:
                self.colours = nn.ModuleList(nn.Conv2d(inputs, parameters, KERNEL, padding=1) for _ in range(maps))

    def starting(self, latent: Float[Tensor, "latent"]) -> Float[Tensor, "1 channels 4 4"]:
        """The first feature map of a frame."""
        return self.start(latent[None]).unflatten(1, (-1, START, START))

    def forward(self, latent: Float[Tensor, "latent"]) -> Planes:
        backbone = self.backbone(self.starting(latent))
        features = _channels_last(self.features(backbone), self.planes)
        if not self.maps:
            return Planes(features, [], [])
        densities = _channels_last(self.densities(self.density_trunk(backbone)), self.maps)
        trunk = self.colour_trunk(backbone)
        if self.sizes.colour_rank:
            amounts, shared = self.colours
            return Planes(features, densities, _channels_last(shared(amounts(trunk)), self.maps))
        return Planes(features, densities, [_channels_last(head(trunk), 1)[0] for head in self.colours])


def halving(inputs: int, channels: tuple[int, ...]) -> nn.Sequential:
    """A convolution and a ReLU for each halving of the resolution."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise((inputs, *channels)):
        layers += [nn.Conv2d(before, after, KERNEL, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def _channels_last(image: Float[Tensor, "1 channels h w"], planes: int) -> list[Float[Tensor, "h w channels"]]:
    """The channels of each plane, one after another in the image, become its last axis."""
    return [plane.permute(1, 2, 0).contiguous() for plane in image[0].chunk(planes)]
