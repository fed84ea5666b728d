"""Packed volume rendering, a ray at a time by a warp, which takes 32 samples at once."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.launch import launch

CHUNK = 32
"""Samples that are looked at together."""


class RenderWeights(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, alphas: Tensor, ray_offsets: Tensor) -> tuple[Tensor, Tensor]:
        alphas, rays = alphas.contiguous(), len(ray_offsets) - 1
        before, left = torch.empty_like(alphas), alphas.new_empty(rays)
        launch(_transmittance, (rays,), alphas, ray_offsets, before, left, chunk=CHUNK, num_warps=1)
        ctx.save_for_backward(alphas, before, ray_offsets)
        return alphas * before, left

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        alphas, before, ray_offsets = ctx.saved_tensors
        grad_alphas = torch.empty_like(alphas)
        gradients = [gradient.contiguous() for gradient in grad_outputs]
        tensors = alphas, ray_offsets, before, *gradients, grad_alphas
        launch(_weights_backward, (len(ray_offsets) - 1,), *tensors, chunk=CHUNK, num_warps=1)
        return grad_alphas, None


class Accumulate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, values: Tensor, ray_offsets: Tensor) -> Tensor:
        weights, values, (rays, channels) = weights.contiguous(), values.contiguous(), _shape(values, ray_offsets)
        ctx.save_for_backward(weights, values, ray_offsets)
        out = values.new_empty(rays, channels)
        constants = {"chunk": CHUNK, "width": triton.next_power_of_2(channels), "num_warps": 1}
        launch(_accumulate, (rays,), weights, values, ray_offsets, out, channels, **constants)
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        weights, values, ray_offsets = ctx.saved_tensors
        rays, channels = _shape(values, ray_offsets)
        gradients = torch.empty_like(weights), torch.empty_like(values)
        constants = {"chunk": CHUNK, "width": triton.next_power_of_2(channels), "num_warps": 1}
        tensors = *ctx.saved_tensors, grad_outputs[0].contiguous(), *gradients
        launch(_accumulate_backward, (rays,), *tensors, channels, **constants)
        return *gradients, None


def _shape(values: Tensor, ray_offsets: Tensor) -> tuple[int, int]:
    return len(ray_offsets) - 1, values.shape[1]


@triton.jit
def _multiply(left, right):  # type: ignore[no-untyped-def]
    return left * right


@triton.jit
def _behind_both(later_passed, later_added, passed, added):  # type: ignore[no-untyped-def]
    """b ↦ added + passed · b after the same of a later sample."""
    return passed * later_passed, added + passed * later_added


@triton.jit
def _transmittance(alphas, offsets, before, left, chunk: tl.constexpr):  # type: ignore[no-untyped-def]
    """What reaches each sample, and what is left behind the last of each ray."""
    ray = tl.program_id(0)
    begin, end = tl.load(offsets + ray), tl.load(offsets + ray + 1)
    remaining = 1.0
    for first in range(begin, end, chunk):
        n = first + tl.arange(0, chunk)
        passed = 1.0 - tl.load(alphas + n, n < end, 0.0)
        passed_before = 1.0 - tl.load(alphas + n - 1, (n > first) & (n < end), 0.0)
        tl.store(before + n, remaining * tl.cumprod(passed_before), n < end)
        remaining *= tl.reduce(passed, 0, _multiply)
    tl.store(left + ray, remaining)


@triton.jit
def _weights_backward(  # type: ignore[no-untyped-def]
    alphas, offsets, before, grad_weights, grad_left, grad_alphas, chunk: tl.constexpr
):
    """∂L/∂α_i = T_i (∂L/∂w_i − B_i), where B_i = α_{i+1} ∂L/∂w_{i+1} + (1 − α_{i+1}) B_{i+1} is what lies behind.

    Behind the last sample B is ∂L/∂T_last. Without a division by 1 − α, so that opaque samples do no harm.
    """
    ray = tl.program_id(0)
    begin, end = tl.load(offsets + ray), tl.load(offsets + ray + 1)
    lane = tl.arange(0, chunk)
    behind_chunk = tl.load(grad_left + ray)
    chunks = tl.cdiv(end - begin, chunk)
    for index in range(chunks):
        n = begin + (chunks - 1 - index) * chunk + lane
        following = tl.load(alphas + n + 1, n + 1 < end, 0.0)
        added = following * tl.load(grad_weights + n + 1, n + 1 < end, 0.0)
        passed, added = tl.associative_scan((1.0 - following, added), 0, _behind_both, reverse=True)
        behind = added + passed * behind_chunk
        direct = tl.load(grad_weights + n, n < end, 0.0)
        tl.store(grad_alphas + n, tl.load(before + n, n < end, 0.0) * (direct - behind), n < end)
        behind_chunk = tl.sum(tl.where(lane == 0, behind, 0.0))


@triton.jit
def _accumulate(  # type: ignore[no-untyped-def]
    weights, values, offsets, out, channels, chunk: tl.constexpr, width: tl.constexpr
):
    ray, c = tl.program_id(0).to(tl.int64), tl.arange(0, width)
    begin, end = tl.load(offsets + ray), tl.load(offsets + ray + 1)
    total = tl.zeros([width], tl.float32)
    for first in range(begin, end, chunk):
        n = first + tl.arange(0, chunk)
        weight = tl.load(weights + n, n < end, 0.0)
        value = tl.load(values + n[:, None] * channels + c, (n < end)[:, None] & (c < channels), 0.0)
        total += tl.sum(weight[:, None] * value, axis=0)
    tl.store(out + ray * channels + c, total, c < channels)


@triton.jit
def _accumulate_backward(  # type: ignore[no-untyped-def]
    weights, values, offsets, grad_out, grad_weights, grad_values, channels, chunk: tl.constexpr, width: tl.constexpr
):
    ray, c = tl.program_id(0).to(tl.int64), tl.arange(0, width)
    begin, end = tl.load(offsets + ray), tl.load(offsets + ray + 1)
    gradient = tl.load(grad_out + ray * channels + c, c < channels, 0.0)
    for first in range(begin, end, chunk):
        n = first + tl.arange(0, chunk)
        where, used = n[:, None] * channels + c, (n < end)[:, None] & (c < channels)
        tl.store(grad_values + where, tl.load(weights + n, n < end, 0.0)[:, None] * gradient, used)
        tl.store(grad_weights + n, tl.sum(tl.load(values + where, used, 0.0) * gradient, axis=1), n < end)
