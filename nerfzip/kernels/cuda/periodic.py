"""Periodic multi-level look-up with Hadamard product, one launch of the trilinear kernel a grid."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nerfzip.kernels.cuda import trilinear


class PeriodicProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, coefficients: Tensor, positions: Tensor, tiles: Tensor, *bases: Tensor) -> Tensor:
        places = places_in_grids(positions, tiles, coefficients, bases)
        coefficient_values, basis_values = positions.new_empty(2, len(positions), coefficients.shape[3])
        trilinear.gather(coefficients, places[0], coefficient_values)
        columns = basis_values.split([basis.shape[3] for basis in bases], dim=1)
        for basis, place, out in zip(bases, places[1:], columns, strict=True):
            trilinear.gather(basis, place, out)
        ctx.save_for_backward(places, coefficient_values, basis_values)
        ctx.shapes = coefficients.shape, *(basis.shape for basis in bases)
        return coefficient_values * basis_values

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        places, coefficient_values, basis_values = ctx.saved_tensors
        gradients = [places.new_zeros(shape) for shape in ctx.shapes]
        trilinear.scatter(gradients[0], None, places[0], grad_outputs[0] * basis_values)
        amounts = grad_outputs[0] * coefficient_values
        columns = amounts.split([gradient.shape[3] for gradient in gradients[1:]], dim=1)
        for gradient, place, amount in zip(gradients[1:], places[1:], columns, strict=True):
            trilinear.scatter(gradient, None, place, amount)
        return gradients[0], None, None, *gradients[1:]


def places_in_grids(positions: Tensor, tiles: Tensor, coefficients: Tensor, bases: Sequence[Tensor]) -> Tensor:
    """In voxels of the coefficients and then of each basis, [1 + bases, samples, 3]."""
    in_box = positions * positions.new_tensor(coefficients.shape[:3]) - 0.5
    last = positions.new_tensor([basis.shape[:3] for basis in bases]) - 1
    return torch.cat([in_box[None], torch.remainder(positions * tiles[:, None], 1.0) * last[:, None]])
