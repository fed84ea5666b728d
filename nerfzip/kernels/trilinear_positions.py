"""Trilinear interpolation that is differentiated with respect to where it looks."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import trilinear, trilinear_positions
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.twins import trilinear as twin


def interpolate_at_moving(
    grid: Float[Tensor, "x y z channels"], positions: Float[Tensor, "samples 3"]
) -> Float[Tensor, "samples channels"]:
    """The values of `interpolate_trilinear`, with a gradient for the positions and none for the grid.

    Within a cell of voxels the value is linear along each axis; outside the grid it does not change, so the gradient
    is zero there. Used to find motion.

    Args:
        grid: float32, channels-last.
        positions: in voxels: (0, 0, 0) is the centre of the first voxel.
    """
    form = form_for(grid)
    if form == "twin":
        return twin.gather(grid.detach(), positions)
    if form == "cuda":
        from nerfzip.kernels.cuda.trilinear_positions import InterpolateAtMoving

        return InterpolateAtMoving.apply(grid.detach(), positions)
    return _InterpolateAtMoving.apply(grid.detach(), positions)


class _InterpolateAtMoving(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grid: Tensor, positions: Tensor) -> Tensor:
        ctx.save_for_backward(grid, positions)
        out = torch.empty(len(positions), grid.shape[3])
        arrays = grid.numpy(), positions.detach().contiguous().numpy()
        trilinear.gather(*arrays, channel_tuple(grid.shape[3]), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, Tensor]:
        grid, positions = ctx.saved_tensors
        out = torch.empty(len(positions), 3)
        trilinear_positions.position_gradients(
            grid.numpy(),
            positions.detach().contiguous().numpy(),
            grad_outputs[0].contiguous().numpy(),
            channel_tuple(grid.shape[3]),
            out.numpy(),
        )
        return None, out
