"""Trilinear gather and its adjoint on channels-last grids."""

import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.cells import cell_of, corner_of_cell
from nerfzip.kernels.cuda.launch import blocks, launch


def gather(grid: Tensor, positions: Tensor, out: Tensor) -> None:
    """Write to `out` [samples, channels], which may be some columns of a wider matrix."""
    sizes, channels = grid.shape[:3], grid.shape[3]
    programs, constants = blocks(len(positions), channels)
    tensors = grid.contiguous(), positions.contiguous(), out
    launch(_gather, (programs,), *tensors, len(positions), *sizes, channels, out.stride(0), **constants)


def scatter(values: Tensor, touched: Tensor | None, positions: Tensor, amounts: Tensor) -> None:
    """Add to `values`; `amounts` [samples, channels] may be some columns of a wider matrix."""
    sizes, channels = values.shape[:3], values.shape[3]
    programs, constants = blocks(len(positions), channels)
    amounts = amounts if amounts.stride(1) == 1 else amounts.contiguous()
    tensors = values, touched, positions.contiguous(), amounts
    launch(_scatter, (programs,), *tensors, len(positions), *sizes, channels, amounts.stride(0), **constants)


@triton.jit
def _gather(  # type: ignore[no-untyped-def]
    grid,
    positions,
    out,
    samples,
    size_x,
    size_y,
    size_z,
    channels,
    stride,
    block: tl.constexpr,
    width: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    x, fx = cell_of(tl.load(positions + 3 * n, n < samples, 0.0), size_x)
    y, fy = cell_of(tl.load(positions + 3 * n + 1, n < samples, 0.0), size_y)
    z, fz = cell_of(tl.load(positions + 3 * n + 2, n < samples, 0.0), size_z)
    inside = (n < samples)[:, None] & (c < channels)
    total = tl.zeros([block, width], tl.float32)
    for corner in tl.static_range(8):
        voxel, weight = corner_of_cell(corner, x, fx, y, fy, z, fz, size_x, size_y, size_z)
        total += weight[:, None] * tl.load(grid + voxel[:, None] * channels + c, inside, 0.0)
    tl.store(out + n[:, None] * stride + c, total, inside)


@triton.jit
def _scatter(  # type: ignore[no-untyped-def]
    values,
    touched,
    positions,
    amounts,
    samples,
    size_x,
    size_y,
    size_z,
    channels,
    stride,
    block: tl.constexpr,
    width: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    x, fx = cell_of(tl.load(positions + 3 * n, n < samples, 0.0), size_x)
    y, fy = cell_of(tl.load(positions + 3 * n + 1, n < samples, 0.0), size_y)
    z, fz = cell_of(tl.load(positions + 3 * n + 2, n < samples, 0.0), size_z)
    inside = (n < samples)[:, None] & (c < channels)
    amount = tl.load(amounts + n[:, None] * stride + c, inside, 0.0)
    for corner in tl.static_range(8):
        voxel, weight = corner_of_cell(corner, x, fx, y, fy, z, fz, size_x, size_y, size_z)
        tl.atomic_add(values + voxel[:, None] * channels + c, weight[:, None] * amount, inside, sem="relaxed")
        if touched is not None:
            tl.store(touched + voxel, 1, n < samples)
