"""All that fine-tuning changes of an object, and how it is stored."""

import numpy as np
from torch import nn

from methods.codecnerf.codec import Receiver
from methods.codecnerf.coding import Coder, Layout
from methods.codecnerf.deltas import STARTS, AdaptedNetwork, DeltaSizes, NetworkDeltas, PlaneDeltas
from nerfzip.quantization.networks import load_network, network_arrays, network_layout


class ObjectDeltas(nn.Module):
    """All that fine-tuning changes.

    Args:
        start, deviation: of the planes' deltas, see `PlaneDeltas`.
    """

    def __init__(self, codec: Receiver, sizes: DeltaSizes, start: str = STARTS[0], deviation: float = 1.0) -> None:
        super().__init__()
        self.planes = PlaneDeltas(codec.sizes.sides, codec.sizes.planes.channels, sizes.planes, start, deviation)
        self.coarse: NetworkDeltas = NetworkDeltas(codec.coarse, sizes.networks)
        self.fine: NetworkDeltas = NetworkDeltas(codec.fine, sizes.networks)

    def networks(self, codec: Receiver) -> tuple[AdaptedNetwork, AdaptedNetwork]:
        """The coarse and the fine network of the base model with what is added to them."""
        return AdaptedNetwork(codec.coarse, self.coarse), AdaptedNetwork(codec.fine, self.fine)

    def parts(self, coder: Coder) -> list[tuple[str, nn.Module, str]]:
        """Name, layers and kind of storage of all that is no matrix."""
        return [
            ("vectors", self.planes.vectors, coder.vector_kind),
            ("coarse", self.coarse, coder.network_kind),
            ("fine", self.fine, coder.network_kind),
        ]

    def others(self, coder: Coder, network_bits: int) -> dict[str, np.ndarray]:
        """Arrays of the vectors and the networks, as they are stored.

        Args:
            network_bits: of the networks' weights, where the coder quantizes them.
        """
        return {
            f"{name}.{key}": array
            for name, layers, kind in self.parts(coder)
            for key, array in network_arrays(layers, kind, network_bits).items()
        }

    def layout(self, coder: Coder) -> Layout:
        return {
            f"{name}.{key}": layout
            for name, layers, kind in self.parts(coder)
            for key, layout in network_layout(layers, kind).items()
        }

    def load(self, arrays: dict[str, np.ndarray], coder: Coder) -> None:
        """
        Raises:
            BitstreamError: a weight is not finite.
        """
        for name, layers, _ in self.parts(coder):
            own = {key.removeprefix(f"{name}."): array for key, array in arrays.items() if key.startswith(f"{name}.")}
            load_network(layers, own)
