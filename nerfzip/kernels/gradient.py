"""A gradient of a voxel grid that knows which voxels it touches."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nerfzip.kernels.lazy import lazy_zeros


@dataclass(frozen=True)
class VoxelGradient:
    """The accumulated gradient of a channels-last grid, kept from step to step so that only touched voxels cost time.

    A batch of rays touches a small part of a grid; a dense gradient would be cleared, added and scanned whole.

    Attributes:
        values: the gradient; zero wherever `touched` is 0.
        touched: 1 where a gradient has arrived since the optimiser's last step.
    """

    values: Float[Tensor, "x y z channels"]
    touched: UInt8[Tensor, "x y z"]

    @staticmethod
    def like(grid: Float[Tensor, "x y z channels"]) -> "VoxelGradient":
        touched = torch.zeros(grid.shape[:3], dtype=torch.uint8, device=grid.device)
        return VoxelGradient(lazy_zeros(tuple(grid.shape), grid.device), touched)
