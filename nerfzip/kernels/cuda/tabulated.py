"""Sums of tabulated functions, with their derivatives by the table and by the values, in one pass."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.launch import blocks, launch


class TabulatedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, values: Tensor, first: float, spacing: float) -> Tensor:
        table, values = table.contiguous(), values.contiguous()
        grad_table, grad_values = torch.zeros_like(table), torch.empty_like(values)
        programs, constants = blocks(*values.shape)
        sums = values.new_empty(programs, dtype=torch.float64)
        tensors = table, values, sums, grad_table, grad_values
        launch(_total, (programs,), *tensors, first, 1 / spacing, *values.shape, table.shape[1], **constants)
        ctx.save_for_backward(grad_table, grad_values)
        return sums.sum().float()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        grad_table, grad_values = ctx.saved_tensors
        return grad_outputs[0] * grad_table, grad_outputs[0] * grad_values, None, None


@triton.jit
def _total(  # type: ignore[no-untyped-def]
    table,
    values,
    sums,
    grad_table,
    grad_values,
    first,
    per_value,
    count,
    channels,
    knots,
    block: tl.constexpr,
    width: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    used = (n < count)[:, None] & (c < channels)
    place = (tl.load(values + n[:, None] * channels + c, used, 0.0) - first) * per_value
    knot = tl.minimum(tl.maximum(tl.floor(place), 0.0), knots - 2.0).to(tl.int32)
    fraction = place - knot
    where = c * knots + knot
    low, high = tl.load(table + where, used, 0.0), tl.load(table + where + 1, used, 0.0)
    tl.atomic_add(grad_table + where, 1.0 - fraction, used, sem="relaxed")
    tl.atomic_add(grad_table + where + 1, fraction, used, sem="relaxed")
    tl.store(grad_values + n[:, None] * channels + c, (high - low) * per_value, used)
    tl.store(sums + tl.program_id(0), tl.sum(low + fraction * (high - low)))
