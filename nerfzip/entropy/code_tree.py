# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type"
"""A balanced binary tree over the codes of a codebook, so that an index is coded as a path of decisions.

Codes that look alike share most of their path, hence what is known about a voxel's features says something about each
decision. A node halves its codes at the median along their principal axis, found by power iteration in integers: the
encoder and the decoder build the same tree from the same codebook on any machine.
"""

from typing import NamedTuple

import numba
import numpy as np
from jaxtyping import Int32, Int64, Shaped

VALUE_BITS = 11  # codebook values are rounded to this many bits and a sign
_AXIS_BITS = 10
_COVARIANCE_BITS = 20
_POWER_ITERATIONS = 8


class CodeTree(NamedTuple):
    """A heap: the children of node i are 2i and 2i + 1, the root is 1.

    Attributes:
        leaves: for each code its place among the leaves, from left to right.
        codes: the inverse of `leaves`.
        axes: of each inner node, about 2**10 long.
        thresholds: codes whose product with the axis is larger lie right.
        spreads: the mean distance of a node's products from its threshold, at least one.
    """

    leaves: Int32[np.ndarray, "codes"]
    codes: Int32[np.ndarray, "codes"]
    axes: Int32[np.ndarray, "nodes channels"]
    thresholds: Int64[np.ndarray, "nodes"]
    spreads: Int64[np.ndarray, "nodes"]


def integer_codebook(codebook: Shaped[np.ndarray, "codes channels"]) -> Int32[np.ndarray, "codes channels"]:
    """The codebook scaled by a power of two and rounded to integers of VALUE_BITS bits: the same on every machine."""
    values = np.nan_to_num(codebook.astype(np.float64), nan=0.0, posinf=65504.0, neginf=-65504.0)
    _, exponent = np.frexp(np.abs(values).max(initial=0.0))
    return np.rint(np.ldexp(values, VALUE_BITS - int(exponent))).astype(np.int32)


@numba.njit(cache=True, nogil=True)
def build_tree(values: Int32[np.ndarray, "codes channels"]) -> CodeTree:
    """The tree of an integer codebook (magnitudes up to 2**VALUE_BITS)."""
    count, channels = values.shape
    nodes = 1
    while nodes < count:
        nodes *= 2
    order = np.arange(count)
    axes = np.zeros((nodes, channels), np.int32)
    thresholds = np.zeros(nodes, np.int64)
    spreads = np.ones(nodes, np.int64)
    starts, ends = np.zeros(2 * nodes, np.int64), np.zeros(2 * nodes, np.int64)
    ends[1] = count
    for node in range(1, nodes):
        start, end = starts[node], ends[node]
        if end - start < 2:
            continue
        middle = (start + end + 1) // 2
        members = order[start:end].copy()
        axis = _principal_axis(values, members)
        products = np.zeros(end - start, np.int64)
        for i in range(end - start):
            for channel in range(channels):
                products[i] += axis[channel] * values[members[i], channel]
        ranked = np.argsort(products, kind="mergesort")
        order[start:end] = members[ranked]
        threshold = (products[ranked[middle - start - 1]] + products[ranked[middle - start]]) >> 1
        axes[node] = axis
        thresholds[node] = threshold
        spreads[node] = max(np.abs(products - threshold).sum() // (end - start), 1)
        starts[2 * node], ends[2 * node] = start, middle
        starts[2 * node + 1], ends[2 * node + 1] = middle, end
    leaves = np.zeros(count, np.int32)
    for leaf in range(count):
        leaves[order[leaf]] = leaf
    return CodeTree(leaves, order.astype(np.int32), axes, thresholds, spreads)


@numba.njit(cache=True, nogil=True)
def _principal_axis(
    values: Int32[np.ndarray, "codes channels"], members: Int64[np.ndarray, "members"]
) -> Int64[np.ndarray, "channels"]:
    channels = values.shape[1]
    mean = np.zeros(channels, np.int64)
    for member in members:
        for i in range(channels):
            mean[i] += values[member, i]
    mean //= len(members)
    covariance = np.zeros((channels, channels), np.int64)
    for member in members:
        for i in range(channels):
            for j in range(i + 1):
                covariance[i, j] += (values[member, i] - mean[i]) * (values[member, j] - mean[j])
    widest = 0
    for i in range(channels):
        if covariance[i, i] > covariance[widest, widest]:
            widest = i
        for j in range(i):
            covariance[j, i] = covariance[i, j]
    # The largest entry of a covariance lies on its diagonal.
    while covariance[widest, widest] >> _COVARIANCE_BITS:
        covariance >>= 1
    axis = np.zeros(channels, np.int64)
    axis[widest] = 1 << _AXIS_BITS
    for _ in range(_POWER_ITERATIONS):
        product = np.zeros(channels, np.int64)
        for i in range(channels):
            for j in range(channels):
                product[i] += covariance[i, j] * axis[j]
        largest = np.abs(product).max()
        if largest == 0:
            break
        for i in range(channels):
            axis[i] = (product[i] << _AXIS_BITS) // largest
    return axis
