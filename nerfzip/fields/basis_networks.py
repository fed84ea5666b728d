"""The two networks of a coefficient × basis field (Factor Fields; sheet jointrf.md §2.2)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nerfzip.fields.encoding import encode_frequencies


@dataclass(frozen=True)
class NetworkSizes:
    """Of both networks.

    Attributes:
        projection_width: of the hidden layer between features and density with appearance.
        appearance: channels that the colour network sees.
        colour_width: of its two hidden layers.
        appearance_frequencies, direction_frequencies: of the encodings of its inputs.
    """

    projection_width: int
    appearance: int
    colour_width: int
    appearance_frequencies: int
    direction_frequencies: int


class BasisNetworks(nn.Module):
    """Features -> raw density and appearance; appearance and direction -> colour."""

    def __init__(self, channels: int, sizes: NetworkSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.projection = nn.Sequential(
            nn.Linear(channels, sizes.projection_width),
            nn.ReLU(),
            nn.Linear(sizes.projection_width, 1 + sizes.appearance, bias=False),
        )
        encoded = sizes.appearance * (1 + 2 * sizes.appearance_frequencies) + 3 * (1 + 2 * sizes.direction_frequencies)
        self.colour = nn.Sequential(
            nn.Linear(encoded, sizes.colour_width),
            nn.ReLU(),
            nn.Linear(sizes.colour_width, sizes.colour_width),
            nn.ReLU(),
            nn.Linear(sizes.colour_width, 3, bias=False),
        )

    def project(
        self, features: Float[Tensor, "samples channels"]
    ) -> tuple[Float[Tensor, "samples"], Float[Tensor, "samples appearance"]]:
        """Raw density and appearance."""
        projected = self.projection(features)
        return projected[:, 0], projected[:, 1:]

    def shade(
        self, appearance: Float[Tensor, "samples appearance"], directions: Float[Tensor, "samples 3"]
    ) -> Float[Tensor, "samples 3"]:
        """RGB in [0, 1]."""
        inputs = [
            encode_frequencies(appearance, self.sizes.appearance_frequencies),
            encode_frequencies(directions, self.sizes.direction_frequencies),
        ]
        return self.colour(torch.cat(inputs, dim=-1)).sigmoid()
