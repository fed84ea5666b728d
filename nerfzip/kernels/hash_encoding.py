"""Multi-resolution hash encoding: a position's features, from grids whose nodes share the rows of a table."""

from typing import Any

import numba
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import hash_encoding as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.kernels.twins import hash_encoding as twin


def hash_encoding(
    table: Float[Tensor, "rows features"], positions: Float[Tensor, "samples 3"], levels: HashLevels
) -> Float[Tensor, "samples channels"]:
    """The features of all levels, one after the other (Müller et al., Instant Neural Graphics Primitives, 2022).

    A level's features are a weighted mean of the eight nodes around the position. The weights are those of trilinear
    interpolation with the fraction s of each axis replaced by 3s² − 2s³ (smoothstep; Peng et al., Dynamic MLP Maps,
    2023).

    Args:
        table: float32; the rows of the coarsest level come first. Where each node of a level has a row of its own, it
            is x + resolution · (y + resolution · z); else x XOR 2654435761 y XOR 805459861 z, modulo the level's rows.
        positions: in [-1, 1], which is `levels.scales` cells; -1 is the first node. Outside, all features are 0. Not
            differentiated.

    Returns:
        `levels.count` × features channels.
    """
    if len(table) != levels.rows:
        raise ValueError(f"a table of {len(table)} rows, where the levels have {levels.rows}")
    form = form_for(table)
    if form == "twin":
        return twin.lookup(table, positions, levels)
    if form == "cuda":
        from nerfzip.kernels.cuda.hash_encoding import HashEncoding

        return HashEncoding.apply(table, positions, levels)
    return _HashEncoding.apply(table, positions, levels)


class _HashEncoding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, positions: Tensor, levels: HashLevels) -> Tensor:
        positions = positions.contiguous()
        ctx.save_for_backward(positions)
        ctx.shape, ctx.levels = table.shape, levels
        out = torch.empty(len(positions), levels.count, table.shape[1])
        cpu.gather(
            table.detach().contiguous().numpy(),
            positions.numpy(),
            *level_arrays(levels),
            channel_tuple(table.shape[1]),
            out.numpy(),
            numba.get_num_threads(),
        )
        return out.flatten(1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        (positions,) = ctx.saved_tensors
        values = torch.empty(ctx.shape)
        by_level = grad_outputs[0].unflatten(1, (ctx.levels.count, ctx.shape[1])).transpose(0, 1)
        cpu.scatter(
            values.numpy(),
            positions.numpy(),
            *level_arrays(ctx.levels),
            channel_tuple(ctx.shape[1]),
            by_level.contiguous().numpy(),
            numba.get_num_threads(),
        )
        return values, None, None


def level_arrays(levels: HashLevels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scales, resolutions, and borders: the first row of each level, and the end of the last."""
    return np.array(levels.scales, np.float32), np.array(levels.resolutions), np.cumsum([0, *levels.entries])
