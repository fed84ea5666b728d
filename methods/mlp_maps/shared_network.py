"""One network for all positions and frames, with which maps are compared (sheet baselines.md §6; Mildenhall 2020)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SharedNetwork(nn.Module):
    """NeRF's network on features instead of an encoded position.

    Args:
        features: of a position.
        view: values of the encoded direction.
        width, layers: of the part before the density; the features come in again in its middle.
    """

    def __init__(self, features: int, view: int, width: int, layers: int) -> None:
        super().__init__()
        self.skip = layers // 2 + 1
        inputs = [features, *[width] * (layers - 1)]
        if self.skip < layers:
            inputs[self.skip] += features
        self.trunk = nn.ModuleList(nn.Linear(count, width) for count in inputs)
        self.raw_density = nn.Linear(width, 1)
        self.bottleneck = nn.Linear(width, width)
        self.features = features
        self.shade = nn.Sequential(nn.Linear(width + view, width // 2), nn.ReLU(), nn.Linear(width // 2, 3))

    def density(
        self, features: Float[Tensor, "samples features"]
    ) -> tuple[Float[Tensor, "samples"], Float[Tensor, "samples width"]]:
        """Raw density, and what `colour` needs of a sample."""
        hidden = features
        for index, layer in enumerate(self.trunk):
            hidden = layer(torch.cat([features, hidden], dim=1) if index == self.skip else hidden).relu()
        return self.raw_density(hidden)[:, 0], hidden

    def colour(self, inputs: Float[Tensor, "samples inputs"]) -> Float[Tensor, "samples 3"]:
        """Before the sigmoid.

        Args:
            inputs: what `density` returned, then the encoded direction.
        """
        hidden, view = inputs.split([self.bottleneck.in_features, inputs.shape[1] - self.bottleneck.in_features], dim=1)
        return self.shade(torch.cat([self.bottleneck(hidden), view], dim=1))
