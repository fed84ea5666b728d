"""Look-up of coefficients in a grid and of bases in grids that repeat through space, and their product."""

from collections.abc import Sequence
from typing import Any

import numba
import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import periodic as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.twins import periodic as twin


def periodic_product(
    coefficients: Float[Tensor, "x y z channels"],
    bases: Sequence[Float[Tensor, "_ _ _ _"]],
    positions: Float[Tensor, "samples 3"],
    tiles: Float[Tensor, "levels 3"],
) -> Float[Tensor, "samples channels"]:
    """C(p) ∘ [B_1(p), …, B_L(p)], all trilinear (Chen et al., Factor Fields, 2023; JointRF, equation 2).

    Args:
        coefficients: channels-last; its voxels fill [0, 1]³ once, outside the outer centres the border value holds.
        bases: one grid a level, channels-last; their channels add up to those of the coefficients. The centres of a
            grid's corner voxels are the corners of its tile; at a seam the values jump (sawtooth).
        positions: in [0, 1]. Not differentiated.
        tiles: how often each level repeats in [0, 1] along each axis.
    """
    form = form_for(coefficients)
    if form == "twin":
        return twin.lookup(coefficients, bases, positions, tiles)
    if form == "cuda":
        from nerfzip.kernels.cuda.periodic import PeriodicProduct

        return PeriodicProduct.apply(coefficients, positions, tiles, *bases)
    return _PeriodicProduct.apply(coefficients, positions, tiles, *bases)


class _PeriodicProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, coefficients: Tensor, positions: Tensor, tiles: Tensor, *bases: Tensor) -> Tensor:
        shape = len(positions), coefficients.shape[-1]
        coefficient_values, basis_values, out = torch.empty(shape), torch.empty(shape), torch.empty(shape)
        positions = positions.contiguous()
        cpu.gather(
            coefficients.detach().numpy(),
            tuple(basis.detach().numpy() for basis in bases),
            positions.numpy(),
            tiles.numpy(),
            channel_tuple(shape[1]),
            coefficient_values.numpy(),
            basis_values.numpy(),
            out.numpy(),
        )
        ctx.save_for_backward(positions, tiles, coefficient_values, basis_values)
        ctx.shapes = coefficients.shape, [basis.shape for basis in bases]
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        positions, tiles, coefficient_values, basis_values = ctx.saved_tensors
        grad_coefficients = torch.zeros(ctx.shapes[0])
        grad_bases = [torch.zeros(shape) for shape in ctx.shapes[1]]
        cpu.scatter(
            grad_coefficients.numpy(),
            tuple(gradient.numpy() for gradient in grad_bases),
            positions.numpy(),
            tiles.numpy(),
            channel_tuple(grad_coefficients.shape[-1]),
            coefficient_values.numpy(),
            basis_values.numpy(),
            grad_outputs[0].contiguous().numpy(),
            numba.get_num_threads(),
        )
        return grad_coefficients, None, None, *grad_bases
