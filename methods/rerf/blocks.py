"""Blocks of 8³ voxels."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.kernels import lazy_zeros

BLOCK = 8


def block_counts(resolution: tuple[int, int, int]) -> tuple[int, int, int]:
    """How many blocks, the last ones padded, cover a grid along each axis."""
    x, y, z = (-(-size // BLOCK) for size in resolution)
    return x, y, z


def split(grid: Float[Tensor, "x y z channels"]) -> Float[Tensor, "bx by bz channels 8 8 8"]:
    """The blocks of a grid, padded with zeros."""
    x, y, z = block_counts((grid.shape[0], grid.shape[1], grid.shape[2]))
    padding = [0, 0] + [extra for size in reversed(grid.shape[:3]) for extra in (0, -size % BLOCK)]
    padded = torch.nn.functional.pad(grid, padding)
    cells = padded.reshape(x, BLOCK, y, BLOCK, z, BLOCK, grid.shape[3])
    return cells.permute(0, 2, 4, 6, 1, 3, 5)


def join(
    blocks: Float[Tensor, "blocks channels 8 8 8"],
    kept: Bool[Tensor, "bx by bz"],
    resolution: tuple[int, int, int],
) -> Float[Tensor, "x y z channels"]:
    """The grid whose blocks at `kept` are these, in their order; zero elsewhere, where it takes no memory."""
    grid = lazy_zeros((*resolution, blocks.shape[1]))
    for corner, block in zip((kept.nonzero() * BLOCK).tolist(), blocks, strict=True):
        part = grid[tuple(slice(start, start + BLOCK) for start in corner)]
        part.copy_(block.permute(1, 2, 3, 0)[: part.shape[0], : part.shape[1], : part.shape[2]])
    return grid


def any_in_block(mask: Bool[Tensor, "x y z"]) -> Bool[Tensor, "bx by bz"]:
    """Which blocks hold a voxel of the mask."""
    return split(mask[..., None].float()).amax(dim=(3, 4, 5, 6)) > 0


def voxels_of(kept: Bool[Tensor, "bx by bz"], resolution: tuple[int, int, int]) -> Bool[Tensor, "x y z"]:
    """The voxels of the blocks of a mask."""
    for axis in range(3):
        kept = kept.repeat_interleave(BLOCK, dim=axis)
    return kept[: resolution[0], : resolution[1], : resolution[2]]
