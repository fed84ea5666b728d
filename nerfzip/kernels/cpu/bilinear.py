"""Bilinear gather and its adjoint on channels-last planes."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel
from nerfzip.kernels.cpu.trilinear import balanced_ranges, cell_of

ZERO = np.float32(0)
ONE = np.float32(1)


@parallel_kernel
def gather(plane, positions, channels, out):  # type: ignore[no-untyped-def]
    size_x, size_y, _ = plane.shape
    for n in prange(len(positions)):
        x, fx = cell_of(positions[n, 0], size_x)
        y, fy = cell_of(positions[n, 1], size_y)
        for c in range(len(channels)):
            out[n, c] = ZERO
        for dx in range(2):
            if x + dx >= size_x:
                continue
            weight_x = fx if dx else ONE - fx
            near = weight_x * (ONE - fy)
            for c in range(len(channels)):
                out[n, c] += near * plane[x + dx, y, c]
            if y + 1 < size_y:
                far = weight_x * fy
                for c in range(len(channels)):
                    out[n, c] += far * plane[x + dx, y + 1, c]


@parallel_kernel
def scatter(values, positions, gradients, channels, owners):  # type: ignore[no-untyped-def]
    """As in three dimensions: each thread owns rows, so the sums have one order."""
    size_x, size_y, _ = values.shape
    samples = len(positions)
    rows = np.empty(samples, np.int32)
    for n in prange(samples):
        rows[n] = cell_of(positions[n, 0], size_x)[0]
    first = balanced_ranges(rows, size_x, owners)
    for owner in prange(len(first) - 1):
        begin, end = first[owner], first[owner + 1]
        for n in range(samples):
            x = np.int64(rows[n])
            if x + 1 < begin or x >= end:
                continue
            fx = cell_of(positions[n, 0], size_x)[1]
            y, fy = cell_of(positions[n, 1], size_y)
            for dx in range(2):
                if x + dx < begin or x + dx >= end:
                    continue
                weight_x = fx if dx else ONE - fx
                near = weight_x * (ONE - fy)
                for c in range(len(channels)):
                    values[x + dx, y, c] += near * gradients[n, c]
                if y + 1 < size_y:
                    far = weight_x * fy
                    for c in range(len(channels)):
                        values[x + dx, y + 1, c] += far * gradients[n, c]
