"""Look-up in three orthogonal planes at several resolutions, and its adjoint, channels-last; one launch a scale."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.cells import cell_of, corner_of_square
from nerfzip.kernels.cuda.launch import blocks, launch


class SampleTriplanes(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, positions: Tensor, *scales: Tensor) -> Tensor:
        channels, positions = scales[0].shape[3], positions.contiguous()
        out = positions.new_empty(len(positions), len(scales) * channels)
        programs, constants = blocks(len(positions), channels)
        for scale, planes in enumerate(scales):
            columns = out[:, scale * channels :]
            sizes = (len(positions), *planes.shape[1:], out.shape[1])
            launch(_gather, (programs,), planes.contiguous(), positions, columns, *sizes, **constants)
        ctx.save_for_backward(positions)
        ctx.shapes = [planes.shape for planes in scales]
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (positions,) = ctx.saved_tensors
        amounts, channels = grad_outputs[0].contiguous(), ctx.shapes[0][3]
        gradients = [amounts.new_zeros(shape) for shape in ctx.shapes]
        programs, constants = blocks(len(positions), channels)
        for scale, values in enumerate(gradients):
            columns = amounts[:, scale * channels :]
            sizes = (len(positions), *values.shape[1:], amounts.shape[1])
            launch(_scatter, (programs,), values, positions, columns, *sizes, **constants)
        return None, *gradients


@triton.jit
def _square(plane: tl.constexpr, positions, n, samples, rows, columns):  # type: ignore[no-untyped-def]
    """Lower rows, columns and fractions in the plane xy, yz or xz."""
    first: tl.constexpr = plane % 2
    second: tl.constexpr = 1 if plane == 0 else 2
    i, fi = cell_of(tl.load(positions + 3 * n + first, n < samples, 0.0) * (rows - 1.0), rows)
    j, fj = cell_of(tl.load(positions + 3 * n + second, n < samples, 0.0) * (columns - 1.0), columns)
    return i, fi, j, fj


@triton.jit
def _gather(  # type: ignore[no-untyped-def]
    planes, positions, out, samples, rows, columns, channels, stride, block: tl.constexpr, width: tl.constexpr
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    inside = (n < samples)[:, None] & (c < channels)
    total = tl.zeros([block, width], tl.float32)
    for plane in tl.static_range(3):
        i, fi, j, fj = _square(plane, positions, n, samples, rows, columns)
        for corner in tl.static_range(4):
            cell, weight = corner_of_square(corner, i, fi, j, fj, rows, columns)
            cell += plane * rows * columns
            total += weight[:, None] * tl.load(planes + cell[:, None] * channels + c, inside, 0.0)
    tl.store(out + n[:, None] * stride + c, total / 3, inside)


@triton.jit
def _scatter(  # type: ignore[no-untyped-def]
    values, positions, amounts, samples, rows, columns, channels, stride, block: tl.constexpr, width: tl.constexpr
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    inside = (n < samples)[:, None] & (c < channels)
    amount = tl.load(amounts + n[:, None] * stride + c, inside, 0.0) / 3
    for plane in tl.static_range(3):
        i, fi, j, fj = _square(plane, positions, n, samples, rows, columns)
        for corner in tl.static_range(4):
            cell, weight = corner_of_square(corner, i, fi, j, fj, rows, columns)
            cell += plane * rows * columns
            tl.atomic_add(values + cell[:, None] * channels + c, weight[:, None] * amount, inside, sem="relaxed")
