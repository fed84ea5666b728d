"""A voxel field that came from a file."""

import numpy as np
import torch
from torch import Tensor

from nerfzip.fields.field import RenderedRays
from nerfzip.fields.voxel_field import VoxelField
from nerfzip.geometry import Box, Rays


class DecodedVoxelField:
    """A voxel field, with the tensors that its file codes."""

    def __init__(self, field: VoxelField, coded: dict[str, np.ndarray]) -> None:
        self.field = field
        self._coded = coded

    @property
    def box(self) -> Box:
        """Around what can be seen."""
        return self.field.occupied_box()

    def store_in_half(self) -> None:
        self.field.store_in_half()

    @property
    def has_fixed_shapes(self) -> bool:
        return self.field.has_fixed_shapes

    def render(self, rays: Rays) -> RenderedRays:
        return self.field.render(rays)

    def coded_tensors(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array) for name, array in self._coded.items()}
