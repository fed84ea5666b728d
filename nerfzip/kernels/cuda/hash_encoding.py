"""Multi-resolution hash encoding and its adjoint."""

from functools import cache
from itertools import accumulate
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.cells import corner_on_axis
from nerfzip.kernels.cuda.launch import blocks, launch
from nerfzip.kernels.hash_levels import HashLevels


class HashEncoding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, positions: Tensor, levels: HashLevels) -> Tensor:
        positions = positions.contiguous()
        ctx.save_for_backward(positions)
        ctx.shape, ctx.levels = table.shape, levels
        out = table.new_empty(len(positions), levels.count * table.shape[1])
        _launch(_gather, table.contiguous(), positions, levels, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        (positions,) = ctx.saved_tensors
        values = grad_outputs[0].new_zeros(ctx.shape)
        _launch(_scatter, values, positions, ctx.levels, grad_outputs[0].contiguous())
        return values, None, None


def _launch(kernel: Any, table: Tensor, positions: Tensor, levels: HashLevels, features: Tensor) -> None:
    programs, constants = blocks(len(positions), table.shape[1])
    tensors = table, positions, *_level_tensors(levels, table.device), features
    launch(kernel, (programs, levels.count), *tensors, len(positions), table.shape[1], levels.count, **constants)


@cache
def _level_tensors(levels: HashLevels, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Scales, resolutions, and borders: the first row of each level, and the end of the last."""
    borders = list(accumulate(levels.entries, initial=0))
    return (
        torch.tensor(levels.scales, device=device),
        torch.tensor(levels.resolutions, dtype=torch.int32, device=device),
        torch.tensor(borders, device=device),
    )


@triton.jit
def _node_below(position, scale, resolution):  # type: ignore[no-untyped-def]
    """Lower node, and the weight of the upper one: the smoothstep of the fraction."""
    place = (position + 1.0) * 0.5 * scale
    lower = tl.minimum(place.to(tl.int32), resolution - 2)
    fraction = place - lower
    return lower, fraction * fraction * (3.0 - 2.0 * fraction)


@triton.jit
def _cells(positions, n, samples, scale, resolution):  # type: ignore[no-untyped-def]
    """Lower nodes and weights of the upper ones, and whether positions are in the box; NaN is not."""
    px = tl.load(positions + 3 * n, n < samples, 2.0)
    py = tl.load(positions + 3 * n + 1, n < samples, 2.0)
    pz = tl.load(positions + 3 * n + 2, n < samples, 2.0)
    inside = (tl.abs(px) <= 1.0) & (tl.abs(py) <= 1.0) & (tl.abs(pz) <= 1.0)
    x, fx = _node_below(tl.where(inside, px, 0.0), scale, resolution)
    y, fy = _node_below(tl.where(inside, py, 0.0), scale, resolution)
    z, fz = _node_below(tl.where(inside, pz, 0.0), scale, resolution)
    return x, fx, y, fy, z, fz, inside


@triton.jit
def _row_of(corner: tl.constexpr, x, fx, y, fy, z, fz, resolution, entries):  # type: ignore[no-untyped-def]
    """Row of the level and weight of one of a cell's eight nodes."""
    i, wx = corner_on_axis(corner // 4, x, fx, resolution)
    j, wy = corner_on_axis(corner // 2 % 2, y, fy, resolution)
    k, wz = corner_on_axis(corner % 2, z, fz, resolution)
    i, j, k = i.to(tl.int64), j.to(tl.int64), k.to(tl.int64)
    own = i + resolution * (j + resolution * k)
    shared = (i ^ j * 2654435761 ^ k * 805459861) & (entries - 1)
    every_node = entries == resolution.to(tl.int64) * resolution * resolution
    return tl.where(every_node, own, shared), wx * wy * wz


@triton.jit
def _gather(  # type: ignore[no-untyped-def]
    table,
    positions,
    scales,
    resolutions,
    borders,
    out,
    samples,
    features,
    levels,
    block: tl.constexpr,
    width: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    level = tl.program_id(1)
    f = tl.arange(0, width)
    first, resolution = tl.load(borders + level), tl.load(resolutions + level)
    entries = tl.load(borders + level + 1) - first
    x, fx, y, fy, z, fz, inside = _cells(positions, n, samples, tl.load(scales + level), resolution)
    total = tl.zeros([block, width], tl.float32)
    for corner in tl.static_range(8):
        row, weight = _row_of(corner, x, fx, y, fy, z, fz, resolution, entries)
        total += weight[:, None] * tl.load(
            table + (first + row)[:, None] * features + f, inside[:, None] & (f < features), 0.0
        )
    where = out + (n[:, None] * levels + level) * features + f
    tl.store(where, total, (n < samples)[:, None] & (f < features))


@triton.jit
def _scatter(  # type: ignore[no-untyped-def]
    values,
    positions,
    scales,
    resolutions,
    borders,
    amounts,
    samples,
    features,
    levels,
    block: tl.constexpr,
    width: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    level = tl.program_id(1)
    f = tl.arange(0, width)
    first, resolution = tl.load(borders + level), tl.load(resolutions + level)
    entries = tl.load(borders + level + 1) - first
    x, fx, y, fy, z, fz, inside = _cells(positions, n, samples, tl.load(scales + level), resolution)
    used = inside[:, None] & (f < features)
    amount = tl.load(amounts + (n[:, None] * levels + level) * features + f, used, 0.0)
    for corner in tl.static_range(8):
        row, weight = _row_of(corner, x, fx, y, fy, z, fz, resolution, entries)
        where = values + (first + row)[:, None] * features + f
        tl.atomic_add(where, weight[:, None] * amount, used, sem="relaxed")
