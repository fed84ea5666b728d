"""Trilinear interpolation of channels-last grids."""

from typing import Any

import numba
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nerfzip.kernels.backend import runs_on_cpu_kernels
from nerfzip.kernels.cpu import trilinear as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.gradient import VoxelGradient
from nerfzip.kernels.twins import trilinear as twin


def interpolate_trilinear(
    grid: Float[Tensor, "x y z channels"],
    positions: Float[Tensor, "samples 3"],
    gradient: VoxelGradient | None = None,
) -> Float[Tensor, "samples channels"]:
    """Interpolate a grid between its voxel centres.

    Args:
        grid: float32, channels-last.
        positions: in voxels: (0, 0, 0) is the centre of the first voxel. Outside the grid the border value holds.
            Not differentiated.
        gradient: where the backward pass adds the grid's gradient, touching only the voxels it needs. Without it the
            grid gets an ordinary dense gradient.
    """
    return _Interpolate.apply(grid, positions, gradient)


def splat_trilinear(
    values: Float[Tensor, "x y z channels"],
    touched: UInt8[Tensor, "x y z"],
    positions: Float[Tensor, "samples 3"],
    amounts: Float[Tensor, "samples channels"],
) -> None:
    """Add `amounts` to the eight voxels around each position by their trilinear weights: the adjoint of interpolation.

    Writes into `values`, and 1 into `touched` at each voxel that received something.
    """
    if runs_on_cpu_kernels(values):
        cpu.scatter(
            values.numpy(),
            touched.numpy(),
            positions.contiguous().numpy(),
            amounts.contiguous().numpy(),
            channel_tuple(values.shape[3]),
            numba.get_num_threads(),
        )
    else:
        twin.scatter(values, touched, positions, amounts)


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grid: Tensor, positions: Tensor, gradient: VoxelGradient | None) -> Tensor:
        ctx.save_for_backward(positions)
        ctx.shape, ctx.gradient = grid.shape, gradient
        if not runs_on_cpu_kernels(grid):
            return twin.gather(grid, positions)
        out = torch.empty(len(positions), grid.shape[3])
        cpu.gather(grid.detach().numpy(), positions.contiguous().numpy(), channel_tuple(grid.shape[3]), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, None, None]:
        (grad_output,) = grad_outputs
        (positions,) = ctx.saved_tensors
        if ctx.gradient is not None:
            splat_trilinear(ctx.gradient.values, ctx.gradient.touched, positions, grad_output)
            return None, None, None
        values = grad_output.new_zeros(ctx.shape)
        touched = torch.zeros(ctx.shape[:3], dtype=torch.uint8, device=values.device)
        splat_trilinear(values, touched, positions, grad_output)
        return values, None, None
