"""Multi-resolution hash encoding and its adjoint."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import inlined, parallel_kernel
from nerfzip.kernels.cpu.trilinear import ONE, ZERO

HALF, TWO, THREE = np.float32(0.5), np.float32(2), np.float32(3)


@inlined
def outside(position):  # type: ignore[no-untyped-def]
    """Whether a position is not in the box; true for NaN."""
    return not (abs(position[0]) <= ONE and abs(position[1]) <= ONE and abs(position[2]) <= ONE)


@inlined
def cell_of(position, scale, resolution):  # type: ignore[no-untyped-def]
    """Lower node, and the weight of the upper one: the smoothstep of the fraction."""
    inside = (position + ONE) * HALF * scale
    lower = min(np.int64(inside), resolution - 2)
    fraction = inside - np.float32(lower)
    return lower, fraction * fraction * (THREE - TWO * fraction)


@inlined
def corner_of(corner, x, fx, y, fy, z, fz, resolution, entries):  # type: ignore[no-untyped-def]
    """Row and weight of one of a cell's eight nodes."""
    i, j, k = corner & 1, corner >> 1 & 1, corner >> 2
    weight = (fx if i else ONE - fx) * (fy if j else ONE - fy) * (fz if k else ONE - fz)
    if entries == resolution * resolution * resolution:
        row = (x + i) + resolution * ((y + j) + resolution * (z + k))
    else:
        row = ((x + i) ^ (y + j) * 2_654_435_761 ^ (z + k) * 805_459_861) & (entries - 1)
    # Unsigned: numba takes time to see whether an index is negative.
    return np.uint64(row), weight


@inlined
def gather_level(rows, positions, begin, end, scale, resolution, channels, out, level):  # type: ignore[no-untyped-def]
    for n in range(begin, end):
        if outside(positions[n]):
            for c in range(len(channels)):
                out[n, level, c] = ZERO
            continue
        x, fx = cell_of(positions[n, 0], scale, resolution)
        y, fy = cell_of(positions[n, 1], scale, resolution)
        z, fz = cell_of(positions[n, 2], scale, resolution)
        # The loops unroll, and what does not depend on the channel is computed once.
        for c in range(len(channels)):
            total = ZERO
            for corner in range(8):
                row, weight = corner_of(corner, x, fx, y, fy, z, fz, resolution, len(rows))
                total += weight * rows[row, c]
            out[n, level, c] = total


@parallel_kernel
def gather(table, positions, scales, resolutions, borders, channels, out, parts):  # type: ignore[no-untyped-def]
    """Write the features of each sample to `out` [samples, levels, features]."""
    # A few large parts, each level by level, so that a level's rows stay in the cache.
    for part in prange(parts):
        begin, end = part * len(positions) // parts, (part + 1) * len(positions) // parts
        for level in range(len(scales)):
            rows = table[borders[level] : borders[level + 1]]
            gather_level(rows, positions, begin, end, scales[level], resolutions[level], channels, out, level)


@inlined
def scatter_level(rows, positions, scale, resolution, channels, gradients):  # type: ignore[no-untyped-def]
    for n in range(len(positions)):
        if outside(positions[n]):
            continue
        x, fx = cell_of(positions[n, 0], scale, resolution)
        y, fy = cell_of(positions[n, 1], scale, resolution)
        z, fz = cell_of(positions[n, 2], scale, resolution)
        for c in range(len(channels)):
            amount = gradients[n, c]
            for corner in range(8):
                row, weight = corner_of(corner, x, fx, y, fy, z, fz, resolution, len(rows))
                rows[row, c] += weight * amount


@parallel_kernel
def scatter(values, positions, scales, resolutions, borders, channels, gradients, owners):  # type: ignore[no-untyped-def]
    """The adjoint of `gather`: write to `values` the sums of `gradients` [levels, samples, features].

    Each thread owns whole levels and walks over all samples in order, so that each sum has one order, hence the same
    bits, for any number of threads.
    """
    for owner in prange(owners):
        for level in range(owner, len(scales), owners):
            rows = values[borders[level] : borders[level + 1]]
            rows[:] = ZERO
            scatter_level(rows, positions, scales[level], resolutions[level], channels, gradients[level])
