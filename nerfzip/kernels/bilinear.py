"""Bilinear interpolation of channels-last planes."""

from typing import Any

import numba
import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import bilinear as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.twins import bilinear as twin


def interpolate_bilinear(
    plane: Float[Tensor, "x y channels"], positions: Float[Tensor, "samples 2"]
) -> Float[Tensor, "samples channels"]:
    """Interpolate a plane between its cell centres.

    Args:
        plane: float32, channels-last.
        positions: in cells: (0, 0) is the centre of the first. Outside the plane the border value holds. Not
            differentiated.
    """
    form = form_for(plane)
    if form == "twin":
        return twin.gather(plane, positions)
    if form == "cuda":
        from nerfzip.kernels.cuda.bilinear import Interpolate

        return Interpolate.apply(plane, positions)
    return _Interpolate.apply(plane, positions)


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plane: Tensor, positions: Tensor) -> Tensor:
        ctx.save_for_backward(positions)
        ctx.shape = plane.shape
        out = torch.empty(len(positions), plane.shape[2])
        cpu.gather(plane.detach().numpy(), positions.contiguous().numpy(), channel_tuple(plane.shape[2]), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (positions,) = ctx.saved_tensors
        values = torch.zeros(ctx.shape)
        cpu.scatter(
            values.numpy(),
            positions.contiguous().numpy(),
            grad_outputs[0].contiguous().numpy(),
            channel_tuple(ctx.shape[2]),
            numba.get_num_threads(),
        )
        return values, None
