"""Maps of small colour networks: a sample is shown to the networks of the cells around it (sheet mlp_maps.md §1.4)."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.fields.encoding import encode_frequencies, encode_harmonics
from nerfzip.kernels.grouped_linear import Groups


class Lookup(StrEnum):
    BLEND = "blend"
    """The outputs of the four networks around a position, with bilinear weights (the authors' code)."""
    BIN = "bin"
    """The network of the cell that a position falls into (the paper)."""


class ViewEncoding(StrEnum):
    FREQUENCIES = "frequencies"
    """The direction, and sines and cosines of it and of twice it: 15 values (the paper)."""
    HARMONICS = "harmonics"
    """Spherical harmonics: 9 values (the authors' code, on NHR)."""

    @property
    def channels(self) -> int:
        return 15 if self is ViewEncoding.FREQUENCIES else 9

    def values(self, directions: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples channels"]:
        if self is ViewEncoding.FREQUENCIES:
            return encode_frequencies(directions, 2)
        return encode_harmonics(directions)


@dataclass(frozen=True)
class ColourNetwork:
    """Sizes of one network: features -> hidden, with the view -> hidden, ReLU -> colour; no biases.

    There is no activation between the first two layers.
    """

    features: int
    hidden: int
    view: int

    @property
    def parameters(self) -> int:
        """2624 for the paper's sizes: 32 features, 32 hidden, 15 of the view."""
        return self.hidden * (self.features + self.hidden + self.view + 3)

    def matrices(
        self, parameters: Float[Tensor, "networks parameters"]
    ) -> tuple[Float[Tensor, "networks inputs hidden"], Float[Tensor, "networks hidden 3"]]:
        """Those before and behind the ReLU; the two layers before it are one, of features and view.

        Args:
            parameters: of the three layers, one after another, each output by output.
        """
        sizes = [self.hidden * self.features, self.hidden * (self.hidden + self.view), 3 * self.hidden]
        first, second, last = parameters.split(sizes, dim=1)
        first = first.unflatten(1, (self.hidden, self.features))
        of_hidden, of_view = second.unflatten(1, (self.hidden, -1)).split([self.hidden, self.view], dim=2)
        joint = torch.cat([of_hidden @ first, of_view], dim=2)
        return joint.transpose(1, 2), last.unflatten(1, (3, self.hidden)).transpose(1, 2)


def map_colours(
    colour_map: Float[Tensor, "cells cells parameters"],
    network: ColourNetwork,
    lookup: Lookup,
    coordinates: Float[Tensor, "samples 2"],
    inputs: Float[Tensor, "samples inputs"],
) -> Float[Tensor, "samples 3"]:
    """The colours before their sigmoid.

    Args:
        coordinates: in [0, 1] of the map; the first goes along its first axis.
        inputs: features, then the encoded view.
    """
    cells = colour_map.shape[0]
    before, behind = network.matrices(colour_map.flatten(0, 1))
    if lookup is Lookup.BIN or cells == 1:
        groups = Groups.of(_flat((coordinates * cells).long().clamp(0, cells - 1), cells), cells**2)
        hidden = groups.multiply(groups.gather(inputs), before).relu()
        return groups.scatter(groups.multiply(hidden, behind))
    # All samples between the same four networks are one group, of one wide network.
    bins = cells - 1
    position = coordinates * bins
    lower = position.long().clamp(0, bins - 1)
    groups = Groups.of(_flat(lower, bins), bins**2)
    nodes = _nodes_of_bins(bins, inputs.device)
    wide = before[nodes].transpose(1, 2).flatten(2)
    hidden = groups.multiply(groups.gather(inputs), wide).relu().unflatten(2, (4, network.hidden))
    weights = groups.gather(_corner_weights(position - lower))
    return groups.scatter(groups.multiply((hidden * weights[..., None]).flatten(2), behind[nodes].flatten(1, 2)))


def _flat(cells: Int[Tensor, "samples 2"], width: int) -> Int[Tensor, "samples"]:
    return cells[:, 0] * width + cells[:, 1]


def _nodes_of_bins(bins: int, device: torch.device) -> Int[Tensor, "bins 4"]:
    """The networks at the corners of each bin."""
    rows, columns = torch.meshgrid(*[torch.arange(bins, device=device)] * 2, indexing="ij")
    first = (rows * (bins + 1) + columns).flatten()
    return torch.stack([first, first + 1, first + bins + 1, first + bins + 2], dim=1)


def _corner_weights(fraction: Float[Tensor, "samples 2"]) -> Float[Tensor, "samples 4"]:
    """Bilinear; in the order of `_nodes_of_bins`."""
    (x, y), (x1, y1) = fraction.unbind(dim=1), (1 - fraction).unbind(dim=1)
    return torch.stack([x1 * y1, x1 * y, x * y1, x * y], dim=1)
