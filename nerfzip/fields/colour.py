"""From features and viewing directions to colours."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nerfzip.fields.encoding import encode_frequencies


class DirectColour(nn.Module):
    """The features are the colour, before a sigmoid; no view dependence (DVGO's coarse stage)."""

    def forward(self, features: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        return features.sigmoid()


class ColourMLP(nn.Module):
    """DVGO's RGB network: features ++ encoded direction -> hidden layers of ReLU -> sigmoid.

    Args:
        channels: features per voxel.
        width: of the hidden layers.
        layers: number of hidden layers.
        frequencies: of the direction's encoding.
        diffuse: the first three features are added to the network's output before the sigmoid, so that colour can
            be learned before the network is; not in DVGO.
    """

    def __init__(self, channels: int, width: int, layers: int, frequencies: int, diffuse: bool = False) -> None:
        super().__init__()
        self.width = width
        self.hidden_layers = layers
        self.frequencies = frequencies
        self.diffuse = diffuse
        sizes = [channels + 3 + 6 * frequencies, *[width] * layers, 3]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.bias)
        if diffuse:
            nn.init.zeros_(last.weight)

    def forward(self, features: Float[Tensor, "n channels"], directions: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        hidden = torch.cat([features, encode_frequencies(directions, self.frequencies)], dim=-1)
        for layer in self.layers[:-1]:
            hidden = layer(hidden).relu()
        output = self.layers[-1](hidden)
        return (output + features[:, :3] if self.diffuse else output).sigmoid()
