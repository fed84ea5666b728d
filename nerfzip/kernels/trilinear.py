"""Trilinear interpolation of channels-last grids."""

from typing import Any

import numba
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nerfzip.kernels.backend import Form, form_for
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
        grid: float32, channels-last. On CUDA, where no gradient is wanted, also of half precision; sums are of float32.
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
    _splat(form_for(values), values, touched, positions, amounts)


def _splat(form: Form, values: Tensor, touched: Tensor, positions: Tensor, amounts: Tensor) -> None:
    if form == "cpu":
        cpu.scatter(
            values.numpy(),
            touched.numpy(),
            positions.contiguous().numpy(),
            amounts.contiguous().numpy(),
            channel_tuple(values.shape[3]),
            numba.get_num_threads(),
        )
    elif form == "cuda":
        from nerfzip.kernels.cuda import trilinear as cuda

        cuda.scatter(values, touched, positions, amounts)
    else:
        twin.scatter(values, touched, positions, amounts)


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grid: Tensor, positions: Tensor, gradient: VoxelGradient | None) -> Tensor:
        ctx.save_for_backward(positions)
        ctx.shape, ctx.gradient, ctx.form = grid.shape, gradient, form_for(grid)
        if ctx.form == "twin":
            return twin.gather(grid, positions)
        out = positions.new_empty(len(positions), grid.shape[3])
        if ctx.form == "cuda":
            from nerfzip.kernels.cuda import trilinear as cuda

            cuda.gather(grid, positions, out)
            return out
        cpu.gather(grid.detach().numpy(), positions.contiguous().numpy(), channel_tuple(grid.shape[3]), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, None, None]:
        (grad_output,) = grad_outputs
        (positions,) = ctx.saved_tensors
        if ctx.gradient is not None:
            _splat(ctx.form, ctx.gradient.values, ctx.gradient.touched, positions, grad_output)
            return None, None, None
        values = grad_output.new_zeros(ctx.shape)
        touched = torch.zeros(ctx.shape[:3], dtype=torch.uint8, device=values.device)
        _splat(ctx.form, values, touched, positions, grad_output)
        return values, None, None
