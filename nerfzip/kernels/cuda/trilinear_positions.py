"""Trilinear interpolation with a gradient for the positions, on channels-last grids."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda import trilinear
from nerfzip.kernels.cuda.cells import cell_of, corner_on_axis
from nerfzip.kernels.cuda.launch import blocks, launch


class InterpolateAtMoving(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grid: Tensor, positions: Tensor) -> Tensor:
        grid, positions = grid.contiguous(), positions.contiguous()
        ctx.save_for_backward(grid, positions)
        out = grid.new_empty(len(positions), grid.shape[3])
        trilinear.gather(grid, positions, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, Tensor]:
        grid, positions = ctx.saved_tensors
        out = torch.empty_like(positions)
        programs, constants = blocks(len(positions), grid.shape[3])
        tensors = grid, positions, grad_outputs[0].contiguous(), out
        launch(_position_gradients, (programs,), *tensors, len(positions), *grid.shape, **constants)
        return None, out


@triton.jit
def _position_gradients(  # type: ignore[no-untyped-def]
    grid,
    positions,
    gradients,
    out,
    samples,
    size_x,
    size_y,
    size_z,
    channels,
    block: tl.constexpr,
    width: tl.constexpr,
):
    """The gradient of each position; zero along an axis on which the position lies outside."""
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    px = tl.load(positions + 3 * n, n < samples, 0.0)
    py = tl.load(positions + 3 * n + 1, n < samples, 0.0)
    pz = tl.load(positions + 3 * n + 2, n < samples, 0.0)
    x, fx = cell_of(px, size_x)
    y, fy = cell_of(py, size_y)
    z, fz = cell_of(pz, size_z)
    inside = (n < samples)[:, None] & (c < channels)
    gradient = tl.load(gradients + n[:, None] * channels + c, inside, 0.0)
    along_x = tl.zeros([block], tl.float32)
    along_y = tl.zeros([block], tl.float32)
    along_z = tl.zeros([block], tl.float32)
    for corner in tl.static_range(8):
        i, wx = corner_on_axis(corner // 4, x, fx, size_x)
        j, wy = corner_on_axis(corner // 2 % 2, y, fy, size_y)
        k, wz = corner_on_axis(corner % 2, z, fz, size_z)
        voxel = (i.to(tl.int64) * size_y + j) * size_z + k
        amount = tl.sum(gradient * tl.load(grid + voxel[:, None] * channels + c, inside, 0.0), axis=1)
        along_x += (corner // 4 * 2 - 1) * wy * wz * amount
        along_y += (corner // 2 % 2 * 2 - 1) * wx * wz * amount
        along_z += (corner % 2 * 2 - 1) * wx * wy * amount
    tl.store(out + 3 * n, tl.where((px >= 0) & (px <= size_x - 1.0), along_x, 0.0), n < samples)
    tl.store(out + 3 * n + 1, tl.where((py >= 0) & (py <= size_y - 1.0), along_y, 0.0), n < samples)
    tl.store(out + 3 * n + 2, tl.where((pz >= 0) & (pz <= size_z - 1.0), along_z, 0.0), n < samples)
