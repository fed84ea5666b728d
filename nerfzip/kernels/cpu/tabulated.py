"""Sums of tabulated functions, with their derivatives by the table and by the values, in one pass."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel

CHUNKS = 64
"""Each has a table of its own; their number does not depend on the threads, so sums have one order."""


@parallel_kernel
def total(table, values, first, spacing, grad_table, grad_values):  # type: ignore[no-untyped-def]
    """The sum; its derivatives are written to `grad_table` [chunks, channels, knots] and `grad_values`."""
    count, channels = values.shape
    knots = table.shape[1]
    sums = np.zeros(CHUNKS, np.float64)
    per_value = np.float32(1) / spacing
    for chunk in prange(CHUNKS):
        counts = grad_table[chunk]
        subtotal = 0.0
        for n in range(chunk * count // CHUNKS, (chunk + 1) * count // CHUNKS):
            for c in range(channels):
                place = (values[n, c] - first) * per_value
                knot = min(max(np.int64(np.floor(place)), 0), knots - 2)
                fraction = place - np.float32(knot)
                low, high = table[c, knot], table[c, knot + 1]
                counts[c, knot] += np.float32(1) - fraction
                counts[c, knot + 1] += fraction
                grad_values[n, c] = (high - low) * per_value
                subtotal += low + fraction * (high - low)
        sums[chunk] = subtotal
    return sums.sum()
