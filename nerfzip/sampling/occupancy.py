"""Which voxels are worth sampling."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
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

    def resampled(self, resolution: tuple[int, int, int]) -> "Occupancy":
        """The mask at another resolution of the same box; a voxel is occupied if any old neighbour of its place is."""
        mask = self.mask.float()[None, None]
        scaled = torch.nn.functional.interpolate(mask, size=resolution, mode="trilinear", align_corners=True)
        return Occupancy.of(scaled[0, 0] > 0)


def dilated_maximum(values: Float[Tensor, "x y z"]) -> Float[Tensor, "x y z"]:
    """The largest of each voxel and its 26 neighbours."""
    return torch.nn.functional.max_pool3d(values[None, None], kernel_size=3, stride=1, padding=1)[0, 0]
