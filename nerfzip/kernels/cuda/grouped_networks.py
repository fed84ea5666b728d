"""Many small networks of two layers at once, and their adjoint: each program has samples of one bin.

In both kernels `rows` are the samples of each block, -1 where there is none, and `bins` the bin of each block. Blocks
of matrices are filled up with zeros to powers of two: `width_in` inputs, `width` hidden units, `width_out` outputs.
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
    widths = [max(triton.next_power_of_2(size), LEAST) for size in (inputs, hidden, outputs)]
    constants = dict(zip(("width_in", "width", "width_out"), widths, strict=True))
    # As for torch's own products: full float32 unless the user allows less, then on tensor cores.
    precision = "ieee" if torch.get_float32_matmul_precision() == "highest" else "tf32"
    sizes = near, inputs, hidden, outputs
    launch(kernel, (len(of_blocks),), *saved, *others, *sizes, block=BLOCK, precision=precision, **constants)


@triton.jit
def _matrix(start, rows, columns, height: tl.constexpr, width: tl.constexpr):  # type: ignore[no-untyped-def]
    """Addresses of a matrix from `start` on, filled up, and which of them are in it."""
    row, column = tl.arange(0, height)[:, None], tl.arange(0, width)[None]
    return start + row * columns + column, (row < rows) & (column < columns)


@triton.jit
def _samples(start, rows, columns, width: tl.constexpr):  # type: ignore[no-untyped-def]
    """Addresses of some rows of a matrix from `start` on, filled up, and which of them are in it."""
    column = tl.arange(0, width)[None]
    return start + rows[:, None] * columns + column, (rows >= 0)[:, None] & (column < columns)


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
    where, used = _samples(inputs, n, channels, width_in)
    x = tl.load(where, used, 0.0)
    total = tl.zeros([block, width_out], tl.float32)
    for k in range(near):
        node = tl.load(nodes + of_bin * near + k)
        where, used = _matrix(before + node * channels * hidden_units, channels, hidden_units, width_in, width)
        hidden = tl.maximum(tl.dot(x, tl.load(where, used, 0.0), input_precision=precision), 0.0)
        where, used = _matrix(behind + node * hidden_units * outputs, hidden_units, outputs, width, width_out)
        shown = tl.dot(hidden, tl.load(where, used, 0.0), input_precision=precision)
        total += tl.load(weights + n * near + k, n >= 0, 0.0)[:, None] * shown
    where, used = _samples(out, n, outputs, width_out)
    tl.store(where, total, used)


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
    where, used = _samples(inputs, n, channels, width_in)
    x = tl.load(where, used, 0.0)
    where, used = _samples(gradients, n, outputs, width_out)
    gradient = tl.load(where, used, 0.0)
    by_inputs = tl.zeros([block, width_in], tl.float32)
    for k in range(near):
        node = tl.load(nodes + of_bin * near + k)
        first, last = node * channels * hidden_units, node * hidden_units * outputs
        where, used = _matrix(before + first, channels, hidden_units, width_in, width)
        matrix_before = tl.load(where, used, 0.0)
        hidden = tl.maximum(tl.dot(x, matrix_before, input_precision=precision), 0.0)
        by_output = tl.load(weights + n * near + k, n >= 0, 0.0)[:, None] * gradient
        where, used = _matrix(behind + last, hidden_units, outputs, width, width_out)
        by_hidden = tl.dot(by_output, tl.trans(tl.load(where, used, 0.0)), input_precision=precision)
        by_hidden = tl.where(hidden > 0, by_hidden, 0.0)
        by_inputs += tl.dot(by_hidden, tl.trans(matrix_before), input_precision=precision)
        sums = tl.dot(tl.trans(hidden), by_output, input_precision=precision)
        where, used = _matrix(grad_behind + last, hidden_units, outputs, width, width_out)
        tl.atomic_add(where, sums, used, sem="relaxed")
        sums = tl.dot(tl.trans(x), by_hidden, input_precision=precision)
        where, used = _matrix(grad_before + first, channels, hidden_units, width_in, width)
        tl.atomic_add(where, sums, used, sem="relaxed")
    where, used = _samples(grad_inputs, n, channels, width_in)
    tl.store(where, by_inputs, used)
