"""Many small networks of two layers at once, and their adjoint: each program has samples of one bin.

In both kernels `rows` are the samples of each block, −1 where there is none, and `bins` the bin of each block. Matrices
are filled up with zeros: to `width_in` inputs, `width` hidden units and `width_out` outputs.
"""

from collections.abc import Sequence
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.launch import launch
from nerfzip.kernels.grouped_linear import BLOCK, Groups

LEAST = 16
"""The fewest rows and columns that `tl.dot` takes."""


class GroupedNetworks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, before: Tensor, behind: Tensor, nodes: Tensor, bins: Tensor, weights: Tensor, inputs: Tensor
    ) -> Tensor:
        groups = Groups.of(bins, len(nodes))
        rows = groups.samples.index_fill(0, groups.unused, -1)
        tensors = [rows, groups.of_blocks, *(each.contiguous() for each in (nodes, weights, before, behind, inputs))]
        ctx.save_for_backward(*tensors)
        out = inputs.new_empty(len(inputs), behind.shape[2])
        _launch(_forward, tensors, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None, None, None, Tensor]:
        before, behind, inputs = ctx.saved_tensors[-3:]
        gradients = torch.zeros_like(before), torch.zeros_like(behind), torch.empty_like(inputs)
        _launch(_backward, ctx.saved_tensors, grad_outputs[0].contiguous(), *gradients)
        return *gradients[:2], None, None, None, gradients[2]


def _launch(kernel: Any, saved: Sequence[Tensor], *others: Tensor) -> None:
    _, of_blocks, nodes, _, before, behind, _ = saved
    (inputs, hidden), outputs, near = before.shape[1:], behind.shape[2], nodes.shape[1]
    width_in, width, width_out = (max(triton.next_power_of_2(size), LEAST) for size in (inputs, hidden, outputs))
    launch(
        kernel,
        (len(of_blocks),),
        *saved,
        *others,
        *(near, inputs, hidden, outputs),
        block=BLOCK,
        # As for torch's own products: full float32 unless the user allows less, then on tensor cores.
        precision="ieee" if torch.get_float32_matmul_precision() == "highest" else "tf32",
        width_in=width_in,
        width=width,
        width_out=width_out,
        # Four warps have too few registers for the backward pass.
        num_warps=8,
    )


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    rows,
    bins,
    nodes,
    weights,
    before,
    behind,
    inputs,
    out,
    near,
    channels,
    hidden_units,
    outputs,
    block: tl.constexpr,
    precision: tl.constexpr,
    width_in: tl.constexpr,
    width: tl.constexpr,
    width_out: tl.constexpr,
):
    n = tl.load(rows + tl.program_id(0).to(tl.int64) * block + tl.arange(0, block))
    of_bin = tl.load(bins + tl.program_id(0))
    i, h, o = tl.arange(0, width_in), tl.arange(0, width), tl.arange(0, width_out)
    in_before = (i < channels)[:, None] & (h < hidden_units)
    in_behind = (h < hidden_units)[:, None] & (o < outputs)
    x = tl.load(inputs + n[:, None] * channels + i, (n >= 0)[:, None] & (i < channels), 0.0)
    total = tl.zeros([block, width_out], tl.float32)
    for k in range(near):
        node = tl.load(nodes + of_bin * near + k)
        layer = tl.load(before + (node * channels + i[:, None]) * hidden_units + h, in_before, 0.0)
        hidden = tl.maximum(tl.dot(x, layer, input_precision=precision), 0.0)
        last_layer = tl.load(behind + (node * hidden_units + h[:, None]) * outputs + o, in_behind, 0.0)
        weight = tl.load(weights + n * near + k, n >= 0, 0.0)
        total += weight[:, None] * tl.dot(hidden, last_layer, input_precision=precision)
    tl.store(out + n[:, None] * outputs + o, total, (n >= 0)[:, None] & (o < outputs))


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    rows,
    bins,
    nodes,
    weights,
    before,
    behind,
    inputs,
    gradients,
    grad_before,
    grad_behind,
    grad_inputs,
    near,
    channels,
    hidden_units,
    outputs,
    block: tl.constexpr,
    precision: tl.constexpr,
    width_in: tl.constexpr,
    width: tl.constexpr,
    width_out: tl.constexpr,
):
    n = tl.load(rows + tl.program_id(0).to(tl.int64) * block + tl.arange(0, block))
    of_bin = tl.load(bins + tl.program_id(0))
    i, h, o = tl.arange(0, width_in), tl.arange(0, width), tl.arange(0, width_out)
    in_inputs = (n >= 0)[:, None] & (i < channels)
    in_before = (i < channels)[:, None] & (h < hidden_units)
    in_behind = (h < hidden_units)[:, None] & (o < outputs)
    x = tl.load(inputs + n[:, None] * channels + i, in_inputs, 0.0)
    gradient = tl.load(gradients + n[:, None] * outputs + o, (n >= 0)[:, None] & (o < outputs), 0.0)
    by_inputs = tl.zeros([block, width_in], tl.float32)
    for k in range(near):
        node = tl.load(nodes + of_bin * near + k)
        at_before = (node * channels + i[:, None]) * hidden_units + h
        at_behind = (node * hidden_units + h[:, None]) * outputs + o
        layer, last_layer = tl.load(before + at_before, in_before, 0.0), tl.load(behind + at_behind, in_behind, 0.0)
        hidden = tl.maximum(tl.dot(x, layer, input_precision=precision), 0.0)
        by_output = tl.load(weights + n * near + k, n >= 0, 0.0)[:, None] * gradient
        by_hidden = tl.dot(by_output, tl.trans(last_layer), input_precision=precision)
        by_hidden = tl.where(hidden > 0, by_hidden, 0.0)
        by_inputs += tl.dot(by_hidden, tl.trans(layer), input_precision=precision)
        by_layer = tl.dot(tl.trans(x), by_hidden, input_precision=precision)
        by_last_layer = tl.dot(tl.trans(hidden), by_output, input_precision=precision)
        tl.atomic_add(grad_before + at_before, by_layer, in_before, sem="relaxed")
        tl.atomic_add(grad_behind + at_behind, by_last_layer, in_behind, sem="relaxed")
    tl.store(grad_inputs + n[:, None] * channels + i, by_inputs, in_inputs)
