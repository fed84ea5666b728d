"""Bilinear gather and its adjoint on channels-last planes."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.cells import cell_of, corner_of_square
from nerfzip.kernels.cuda.launch import blocks, launch


class Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plane: Tensor, positions: Tensor) -> Tensor:
        positions = positions.contiguous()
        ctx.save_for_backward(positions)
        ctx.shape = plane.shape
        out = plane.new_empty(len(positions), plane.shape[2])
        programs, constants = blocks(*out.shape)
        launch(_gather, (programs,), plane.contiguous(), positions, out, len(positions), *plane.shape, **constants)
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (positions,) = ctx.saved_tensors
        amounts = grad_outputs[0].contiguous()
        values = amounts.new_zeros(ctx.shape)
        programs, constants = blocks(*amounts.shape)
        launch(_scatter, (programs,), values, positions, amounts, len(positions), *ctx.shape, **constants)
        return values, None


@triton.jit
def _gather(  # type: ignore[no-untyped-def]
    plane, positions, out, samples, size_x, size_y, channels, block: tl.constexpr, width: tl.constexpr
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    x, fx = cell_of(tl.load(positions + 2 * n, n < samples, 0.0), size_x)
    y, fy = cell_of(tl.load(positions + 2 * n + 1, n < samples, 0.0), size_y)
    inside = (n < samples)[:, None] & (c < channels)
    total = tl.zeros([block, width], tl.float32)
    for corner in tl.static_range(4):
        cell, weight = corner_of_square(corner, x, fx, y, fy, size_x, size_y)
        total += weight[:, None] * tl.load(plane + cell[:, None] * channels + c, inside, 0.0)
    tl.store(out + n[:, None] * channels + c, total, inside)


@triton.jit
def _scatter(  # type: ignore[no-untyped-def]
    values, positions, amounts, samples, size_x, size_y, channels, block: tl.constexpr, width: tl.constexpr
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    x, fx = cell_of(tl.load(positions + 2 * n, n < samples, 0.0), size_x)
    y, fy = cell_of(tl.load(positions + 2 * n + 1, n < samples, 0.0), size_y)
    inside = (n < samples)[:, None] & (c < channels)
    amount = tl.load(amounts + n[:, None] * channels + c, inside, 0.0)
    for corner in tl.static_range(4):
        cell, weight = corner_of_square(corner, x, fx, y, fy, size_x, size_y)
        tl.atomic_add(values + cell[:, None] * channels + c, weight[:, None] * amount, inside, sem="relaxed")
