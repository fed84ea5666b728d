"""All frames: hash tables, latent codes and the decoder, which they share, and each frame's box and occupancy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.mlp_maps.decoder import DecoderSizes, PlaneDecoder, Planes
from methods.mlp_maps.field import PLANES, FrameField, Shading
from methods.mlp_maps.shared_network import SharedNetwork
from nerfzip.geometry import Box, Colour
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.sampling import Occupancy

FEATURES_PER_LEVEL = 2
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

    def groups(self, tables: float, networks: float) -> list[dict[str, Any]]:
        """Of an optimiser, with the learning rates of the hash tables and of all else."""
        rest = [value for name, value in self.named_parameters() if not name.startswith("tables")]
        return [{"params": list(self.tables), "lr": tables}, {"params": rest, "lr": networks}]

    @contextmanager
    def lent(self, values: Mapping[str, Tensor]) -> Iterator[None]:
        """Within the block these tensors are used in place of the parameters of their names."""
        owners = [(self.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in values]
        own = [module._parameters[leaf] for module, leaf in owners]
        try:
            for (module, leaf), tensor in zip(owners, values.values(), strict=True):
                module._parameters[leaf] = cast(nn.Parameter, tensor)
            yield
        finally:
            for (module, leaf), parameter in zip(owners, own, strict=True):
                module._parameters[leaf] = parameter

    def field(
        self, index: int, box: Box, occupancy: Occupancy, latent: Float[Tensor, "latent"] | None = None
    ) -> FrameField:
        """A frame, differentiable in the parameters.

        Args:
            latent: to be used in place of the frame's.
        """
        planes: Planes = self.decoder(self.latents[index] if latent is None else latent)
        layout = self.layout
        return FrameField(
            planes,
            list(self.tables),
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
