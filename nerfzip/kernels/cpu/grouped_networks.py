"""Many small networks of two layers at once, and their adjoint.

Samples are sorted by bin and cut into pieces, each of one bin, whose products with its networks' matrices stay in the
cache. Pieces do not depend on the number of threads, and sums over pieces have one order, so results have the same bits
for any number of threads.

In all kernels: `before` [networks, inputs, hidden] and `behind` [networks, outputs, hidden], with hidden a multiple of
`COLUMNS`; `nodes` [bins, K]; `inputs` of the samples as they came, and `weights` [samples, K] in the `order` of
`sort_by`; `pieces` of `cut`.
"""

import numba
import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import FAST_MATH, parallel_kernel
from nerfzip.kernels.cpu.vectors import LANES, add_product, load, spread, store, where_positive

COLUMNS = 2 * LANES
PIECE = 128
"""The most samples of a piece."""
ZERO = np.float32(0)

compiled = numba.njit(cache=True, fastmath=FAST_MATH, error_model="numpy")


@compiled
def sort_by(keys, count):  # type: ignore[no-untyped-def]
    """The order that sorts keys below `count`, and the first of each key in it, then the end."""
    first = np.zeros(count + 1, np.int64)
    for key in keys:
        first[key + 1] += 1
    first = first.cumsum()
    following = first.copy()
    order = np.empty(len(keys), np.int64)
    for n, key in enumerate(keys):
        order[following[key]] = n
        following[key] += 1
    return order, first


@compiled
def cut(first):  # type: ignore[no-untyped-def]
    """Pieces as bin, begin and end in the order; and the first piece of each bin, then their number."""
    bins = len(first) - 1
    first_pieces = np.zeros(bins + 1, np.int64)
    for b in range(bins):
        first_pieces[b + 1] = first_pieces[b] + (first[b + 1] - first[b] + PIECE - 1) // PIECE
    pieces = np.empty((first_pieces[bins], 3), np.int64)
    for b in range(bins):
        for piece in range(first_pieces[b], first_pieces[b + 1]):
            begin = first[b] + PIECE * (piece - first_pieces[b])
            pieces[piece] = (b, begin, min(begin + PIECE, first[b + 1]))
    return pieces, first_pieces


@compiled
def multiply(left, right, out, adds):  # type: ignore[no-untyped-def]
    """out = left @ right, or out += left @ right; the columns of `right` are a multiple of `COLUMNS`."""
    rows, inner = left.shape
    columns = right.shape[1]
    for column in range(0, columns, COLUMNS):
        # Four rows, whose sums fill eight registers. Beyond the last row it is the last one again.
        for row in range(0, rows, 4):
            r0, r1, r2, r3 = row, min(row + 1, rows - 1), min(row + 2, rows - 1), min(row + 3, rows - 1)
            p0, p1, p2, p3 = r0 * columns + column, r1 * columns + column, r2 * columns + column, r3 * columns + column
            q0, q1, q2, q3 = p0 + LANES, p1 + LANES, p2 + LANES, p3 + LANES
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = spread(ZERO)
            if adds:
                a0, a1, a2, a3 = load(out, p0), load(out, p1), load(out, p2), load(out, p3)
                b0, b1, b2, b3 = load(out, q0), load(out, q1), load(out, q2), load(out, q3)
            for k in range(inner):
                place = k * columns + column
                a, b = load(right, place), load(right, place + LANES)
                factor = spread(left[r0, k])
                a0, b0 = add_product(a0, factor, a), add_product(b0, factor, b)
                factor = spread(left[r1, k])
                a1, b1 = add_product(a1, factor, a), add_product(b1, factor, b)
                factor = spread(left[r2, k])
                a2, b2 = add_product(a2, factor, a), add_product(b2, factor, b)
                factor = spread(left[r3, k])
                a3, b3 = add_product(a3, factor, a), add_product(b3, factor, b)
            store(out, p0, a0)
            store(out, p1, a1)
            store(out, p2, a2)
            store(out, p3, a3)
            store(out, q0, b0)
            store(out, q1, b1)
            store(out, q2, b2)
            store(out, q3, b3)


@compiled
def stop_at_zero(values, hidden, out):  # type: ignore[no-untyped-def]
    """Values, but 0 where hidden units are not above it: the ReLU and, of gradients, its adjoint."""
    # Not in place, where it would be compiled to stores of single lanes, which are slow.
    for place in range(0, values.size, LANES):
        store(out, place, where_positive(load(hidden, place), load(values, place)))


@compiled
def add_outputs(hidden, behind, weights, k, lanes):  # type: ignore[no-untyped-def]
    """Add to `lanes` [samples, outputs, LANES] what each lane has of the products of `hidden` and `behind`."""
    samples, width = hidden.shape
    outputs = len(behind)
    for n in range(samples):
        weight = spread(weights[n, k])
        for c in range(outputs):
            place = (n * outputs + c) * LANES
            total = spread(ZERO)
            for h in range(0, width, LANES):
                total = add_product(total, load(hidden, n * width + h), load(behind, c * width + h))
            store(lanes, place, add_product(load(lanes, place), weight, total))


@compiled
def rows_of(values, order):  # type: ignore[no-untyped-def]
    rows = np.empty((len(order), values.shape[1]), np.float32)
    for n, index in enumerate(order):
        rows[n] = values[index]
    return rows


@parallel_kernel
def forward(before, behind, nodes, weights, inputs, order, pieces, out):  # type: ignore[no-untyped-def]
    """Write to `out` [samples, outputs], as they came."""
    for piece in prange(len(pieces)):
        of_bin, begin, end = pieces[piece]
        evaluate(before, behind, nodes[of_bin], weights[begin:end], inputs, order[begin:end], out)


@compiled
def evaluate(before, behind, nodes, weights, inputs, order, out):  # type: ignore[no-untyped-def]
    """Samples between the same `nodes` [K]."""
    count, outputs = len(order), out.shape[1]
    rows = rows_of(inputs, order)
    linear = np.empty((count, before.shape[2]), np.float32)
    hidden = np.empty(linear.shape, np.float32)
    lanes = np.zeros((count, outputs, LANES), np.float32)
    for k, node in enumerate(nodes):
        multiply(rows, before[node], linear, False)
        stop_at_zero(linear, linear, hidden)
        add_outputs(hidden, behind[node], weights, k, lanes)
    for n in range(count):
        for c in range(outputs):
            total = ZERO
            for lane in range(LANES):
                total += lanes[n, c, lane]
            out[order[n], c] = total


@parallel_kernel
def backward(  # type: ignore[no-untyped-def]
    before, across, behind, nodes, weights, inputs, order, pieces, gradients, grad_networks, grad_inputs
):
    """Write the gradients by the networks, as each piece has them, and by the inputs.

    Args:
        across: `before` as [networks, hidden, inputs], with inputs of zeros up to a multiple of `COLUMNS`.
        gradients: by the outputs, [samples, outputs], in the order.
        grad_networks: [pieces, K, inputs + outputs, hidden], by `before` and then by `behind`.
        grad_inputs: [samples, inputs], as they came.
    """
    for piece in prange(len(pieces)):
        of_bin, begin, end = pieces[piece]
        differentiate(
            before,
            across,
            behind,
            nodes[of_bin],
            weights[begin:end],
            inputs,
            order[begin:end],
            gradients[begin:end],
            grad_networks[piece],
            grad_inputs,
        )


@compiled
def differentiate(  # type: ignore[no-untyped-def]
    before, across, behind, nodes, weights, inputs, order, gradients, grad_networks, grad_inputs
):
    """Samples between the same `nodes` [K]."""
    count, outputs = gradients.shape
    channels, width = before.shape[1:]
    linear = np.empty((count, width), np.float32)
    hidden = np.empty((count, width), np.float32)
    by_hidden = np.empty((count, width), np.float32)
    by_outputs = np.empty((count, outputs), np.float32)
    by_inputs = np.empty((count, across.shape[2]), np.float32)
    rows = rows_of(inputs, order)
    for k, node in enumerate(nodes):
        multiply(rows, before[node], linear, False)
        stop_at_zero(linear, linear, hidden)
        for n in range(count):
            for c in range(outputs):
                by_outputs[n, c] = weights[n, k] * gradients[n, c]
        multiply(by_outputs, behind[node], linear, False)
        stop_at_zero(linear, hidden, by_hidden)
        multiply(rows.T, by_hidden, grad_networks[k, :channels], False)
        multiply(by_outputs.T, hidden, grad_networks[k, channels:], False)
        multiply(by_hidden, across[node], by_inputs, k > 0)
    for n, index in enumerate(order):
        grad_inputs[index] = by_inputs[n, :channels]


@parallel_kernel
def sum_pieces(grad_networks, nodes, uses, first_uses, first_pieces, out):  # type: ignore[no-untyped-def]
    """Write to `out` [networks, inputs + outputs, hidden] what the pieces have of each network.

    Args:
        uses, first_uses: `sort_by` of the flat `nodes`.
        first_pieces: of each bin, of `cut`.
    """
    for network in prange(len(out)):
        out[network] = ZERO
        for use in uses[first_uses[network] : first_uses[network + 1]]:
            b, k = use // nodes.shape[1], use % nodes.shape[1]
            for piece in range(first_pieces[b], first_pieces[b + 1]):
                out[network] += grad_networks[piece, k]
