"""Which voxels are worth sampling."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Shaped, UInt8
from torch import Tensor

from nerfzip.kernels.traversal import block_distances


@dataclass(frozen=True)
class Occupancy:
    """A mask over voxels, with what traversal needs to skip the empty ones.

    Attributes:
        mask: 1 at occupied voxels.
        blocks: see `nerfzip.kernels.traversal.block_distances`.
    """

    mask: UInt8[Tensor, "x y z"]
    blocks: UInt8[Tensor, "bx by bz"]

    @staticmethod
    def of(mask: Bool[Tensor, "x y z"]) -> "Occupancy":
        bytes_mask = mask.to(torch.uint8).contiguous()
        return Occupancy(bytes_mask, block_distances(bytes_mask).to(mask.device))

    @staticmethod
    def full(resolution: tuple[int, int, int]) -> "Occupancy":
        return Occupancy.of(torch.ones(resolution, dtype=torch.bool))


def dilated_maximum(values: Shaped[Tensor, "x y z"]) -> Shaped[Tensor, "x y z"]:
    """The largest of each voxel and its 26 neighbours (for a mask: dilation by one voxel)."""
    for axis in range(3):
        result = values.clone()
        inner, outer = result.narrow(axis, 0, values.shape[axis] - 1), result.narrow(axis, 1, values.shape[axis] - 1)
        torch.maximum(inner, values.narrow(axis, 1, values.shape[axis] - 1), out=inner)
        torch.maximum(outer, values.narrow(axis, 0, values.shape[axis] - 1), out=outer)
        values = result
    return values
