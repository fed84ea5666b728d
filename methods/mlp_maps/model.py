"""All frames: hash tables, latent codes and the decoder, which they share, and each frame's box and occupancy."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from methods.mlp_maps.decoder import DecoderSizes, PlaneDecoder, Planes
from methods.mlp_maps.field import PLANES, FrameField, Shading
from methods.mlp_maps.shared_network import SharedNetwork
from nerfzip.geometry import Box, Colour
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.sampling import Occupancy

FEATURES_PER_LEVEL = 2
DECODER = "decoder."
"""Begins the names of its parameters."""
LARGEST_START = 1e-4
"""Of the tables' values: the first features are next to nothing."""


@dataclass(frozen=True)
class Layout:
    """The model without its numbers.

    Attributes:
        frames: how many there are.
        shared_width, shared_layers: of the network that replaces the maps; 0 keeps the maps.
    """

    frames: int
    levels: HashLevels
    decoder: DecoderSizes
    shading: Shading
    shared_width: int
    shared_layers: int
    background: Colour
    near: float


class MapsModel(nn.Module):
    """What is trained, and all that a file codes but boxes and occupancies."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        shading, sizes = layout.shading, layout.decoder
        rows = layout.levels.rows
        self.tables = nn.ParameterList(
            nn.Parameter(torch.empty(rows, FEATURES_PER_LEVEL).uniform_(-LARGEST_START, LARGEST_START)) for _ in PLANES
        )
        self.latents = nn.Parameter(torch.randn(layout.frames, sizes.latent))
        maps = 0 if layout.shared_width else len(shading.map_axes)
        self.decoder = PlaneDecoder(sizes, len(PLANES), maps, shading.network.parameters)
        self.shared: SharedNetwork | None = None
        if layout.shared_width:
            self.shared = SharedNetwork(
                sizes.features, shading.view.channels, layout.shared_width, layout.shared_layers
            )

    def field(
        self,
        index: int,
        box: Box,
        occupancy: Occupancy,
        values: Mapping[str, Tensor] | None = None,
        latent: Float[Tensor, "latent"] | None = None,
    ) -> FrameField:
        """A frame, differentiable in the parameters.

        Args:
            values: to be used in place of the parameters, by their names.
            latent: to be used in place of the frame's.
        """
        values = dict(self.named_parameters()) if values is None else values
        of_decoder = [name for name in values if name.startswith(DECODER)]
        decoder = {name.removeprefix(DECODER): values[name] for name in of_decoder}
        code = values["latents"][index] if latent is None else latent
        planes: Planes = functional_call(self.decoder, decoder, (code,))
        layout = self.layout
        return FrameField(
            planes,
            [values[f"tables.{plane}"] for plane in range(len(PLANES))],
            layout.levels,
            moment(index, layout.frames),
            box,
            occupancy,
            layout.shading,
            layout.background,
            layout.near,
            self.shared,
        )


def moment(index: int, frames: int) -> float:
    """Time as the hash tables take it."""
    return 2 * index / frames - 1
