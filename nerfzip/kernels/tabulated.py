"""Sums of a function over millions of values by a table of it, such as bits by an entropy model."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import tabulated as cpu
from nerfzip.kernels.twins import tabulated as twin


def tabulated_sum(
    table: Float[Tensor, "channels knots"], values: Float[Tensor, "count channels"], first: float, spacing: float
) -> Float[Tensor, ""]:
    """Σ f_c(v) over all values of all channels, by linear interpolation, differentiable in the table and the values.

    Args:
        table: each channel's function at `first`, `first` + `spacing`, ...; at least two knots.
        values: outside the table its outer pieces go on.
    """
    form = form_for(values)
    if form == "twin":
        return twin.total(table, values, first, spacing)
    if form == "cuda":
        from nerfzip.kernels.cuda.tabulated import TabulatedSum

        return TabulatedSum.apply(table, values, first, spacing)
    return _TabulatedSum.apply(table, values, first, spacing)


class _TabulatedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, values: Tensor, first: float, spacing: float) -> Tensor:
        grad_table, grad_values = torch.zeros(cpu.CHUNKS, *table.shape), torch.empty(values.shape)
        total = cpu.total(
            table.detach().contiguous().numpy(),
            values.detach().contiguous().numpy(),
            np.float32(first),
            np.float32(spacing),
            grad_table.numpy(),
            grad_values.numpy(),
        )
        ctx.save_for_backward(grad_table.sum(dim=0), grad_values)
        return torch.tensor(total, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        grad_table, grad_values = ctx.saved_tensors
        (gradient,) = grad_outputs
        return gradient * grad_table, gradient * grad_values, None, None
