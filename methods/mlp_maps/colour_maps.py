"""Maps of small colour networks: a sample is shown to the networks of the cells around it (sheet mlp_maps.md §1.4)."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.fields.encoding import encode_frequencies, encode_harmonics
from nerfzip.kernels.grouped_networks import grouped_networks


class Lookup(StrEnum):
    BLEND = "blend"
    """The outputs of the four networks around a position, with bilinear weights (the authors' code)."""
    BIN = "bin"
    """The colour network of the cell that a position falls into.

    The paper bins density networks too; here, as in the authors' code, they are always interpolated.
    """


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
        joint = torch.cat([first.transpose(1, 2) @ of_hidden.transpose(1, 2), of_view.transpose(1, 2)], dim=1)
        return joint, last.unflatten(1, (3, self.hidden)).transpose(1, 2)


@dataclass(frozen=True)
class ColourMap:
    """The networks of a map, made ready to be shown samples.

    Attributes:
        cells: along each axis.
        before, behind: the layers before and behind the ReLU.
        nodes: the networks near the samples of each bin.
    """

    lookup: Lookup
    cells: int
    before: Float[Tensor, "networks inputs hidden"]
    behind: Float[Tensor, "networks hidden 3"]
    nodes: Int[Tensor, "bins near"]

    @staticmethod
    def of(parameters: Float[Tensor, "cells cells parameters"], network: ColourNetwork, lookup: Lookup) -> "ColourMap":
        cells = len(parameters)
        before, behind = network.matrices(parameters.flatten(0, 1))
        if lookup is Lookup.BIN or cells == 1:
            nodes = torch.arange(cells**2, device=parameters.device)[:, None]
            return ColourMap(Lookup.BIN, cells, before, behind, nodes)
        return ColourMap(lookup, cells, before, behind, _nodes_of_bins(cells - 1, parameters.device))

    def colours(
        self, coordinates: Float[Tensor, "samples 2"], inputs: Float[Tensor, "samples inputs"]
    ) -> Float[Tensor, "samples 3"]:
        """Before their sigmoid.

        Args:
            coordinates: in [0, 1] of the map; the first goes along its first axis.
            inputs: features, then the encoded view.
        """
        bins, weights = self.locate(coordinates)
        return grouped_networks(self.before, self.behind, self.nodes, bins, weights, inputs)

    def locate(
        self, coordinates: Float[Tensor, "samples 2"]
    ) -> tuple[Int[Tensor, "samples"], Float[Tensor, "samples near"]]:
        """The bins of samples, and the weights of the networks near them."""
        width = self.cells if self.lookup is Lookup.BIN else self.cells - 1
        position = coordinates * width
        lower = position.long().clamp(0, width - 1)
        bins = lower[:, 0] * width + lower[:, 1]
        if self.lookup is Lookup.BIN:
            return bins, torch.ones_like(coordinates[:, :1])
        return bins, _corner_weights(position - lower)


def _nodes_of_bins(bins: int, device: torch.device) -> Int[Tensor, "bins 4"]:
    """The networks at the corners of each bin."""
    rows, columns = torch.meshgrid(*[torch.arange(bins, device=device)] * 2, indexing="ij")
    first = (rows * (bins + 1) + columns).flatten()
    return torch.stack([first, first + 1, first + bins + 1, first + bins + 2], dim=1)


def _corner_weights(fraction: Float[Tensor, "samples 2"]) -> Float[Tensor, "samples 4"]:
    """Bilinear; in the order of `_nodes_of_bins`."""
    (x, y), (x1, y1) = fraction.unbind(dim=1), (1 - fraction).unbind(dim=1)
    return torch.stack([x1 * y1, x1 * y, x * y1, x * y], dim=1)
