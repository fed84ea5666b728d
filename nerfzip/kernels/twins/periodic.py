"""Periodic multi-level look-up with Hadamard product, by `grid_sample`; autograd gives its adjoint."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample


def lookup(
    coefficients: Float[Tensor, "x y z channels"],
    bases: Sequence[Float[Tensor, "_ _ _ _"]],
    positions: Float[Tensor, "samples 3"],
    tiles: Float[Tensor, "levels 3"],
) -> Float[Tensor, "samples channels"]:
    basis = [
        _sample(grid, 2 * torch.remainder(positions * tile, 1.0) - 1, align_corners=True)
        for grid, tile in zip(bases, tiles, strict=True)
    ]
    return _sample(coefficients, 2 * positions - 1, align_corners=False) * torch.cat(basis, dim=-1)


def _sample(
    grid: Float[Tensor, "x y z channels"], normalised: Float[Tensor, "samples 3"], align_corners: bool
) -> Float[Tensor, "samples channels"]:
    # grid_sample wants channels first, and the last axis of its positions is that of the grid's first dimension.
    volume = grid.permute(3, 0, 1, 2)[None]
    where = normalised.flip(-1)[None, None, None]
    return grid_sample(volume, where, padding_mode="border", align_corners=align_corners)[0, :, 0, 0].T
