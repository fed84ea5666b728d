"""Trilinear gather and its adjoint on channels-last grids."""

import numba
import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import inlined, parallel_kernel

ZERO = np.float32(0)
ONE = np.float32(1)


@inlined
def cell_of(position, size):  # type: ignore[no-untyped-def]
    """Lower corner and fraction of a coordinate in voxels, clamped to the grid."""
    position = min(max(position, ZERO), np.float32(size - 1))
    lower = max(min(np.int64(position), size - 2), 0)
    return lower, position - np.float32(lower)


@parallel_kernel
def gather(grid, positions, channels, out):  # type: ignore[no-untyped-def]
    size_x, size_y, size_z, _ = grid.shape
    for n in prange(len(positions)):
        x0, fx = cell_of(positions[n, 0], size_x)
        y0, fy = cell_of(positions[n, 1], size_y)
        z0, fz = cell_of(positions[n, 2], size_z)
        x1, y1, z1 = min(x0 + 1, size_x - 1), min(y0 + 1, size_y - 1), min(z0 + 1, size_z - 1)
        gx, gy, gz = ONE - fx, ONE - fy, ONE - fz
        v000, v001, v010, v011 = grid[x0, y0, z0], grid[x0, y0, z1], grid[x0, y1, z0], grid[x0, y1, z1]
        v100, v101, v110, v111 = grid[x1, y0, z0], grid[x1, y0, z1], grid[x1, y1, z0], grid[x1, y1, z1]
        w000, w001, w010, w011 = gx * gy * gz, gx * gy * fz, gx * fy * gz, gx * fy * fz
        w100, w101, w110, w111 = fx * gy * gz, fx * gy * fz, fx * fy * gz, fx * fy * fz
        row = out[n]
        # All eight corners in one expression: one vector store a row instead of eight.
        for c in range(len(channels)):
            row[c] = (
                (w000 * v000[c] + w001 * v001[c])
                + (w010 * v010[c] + w011 * v011[c])
                + (w100 * v100[c] + w101 * v101[c])
                + (w110 * v110[c] + w111 * v111[c])
            )


@parallel_kernel
def scatter(values, touched, positions, gradients, channels, owners):  # type: ignore[no-untyped-def]
    """Add each sample's gradient to its eight voxels.

    Each thread owns a range of x-planes and walks over all samples in order, so no two threads write one voxel and
    each voxel's sum has the same order, hence the same bits, for any number of threads.
    """
    size_x, size_y, size_z, _ = values.shape
    samples = len(positions)
    planes = np.empty(samples, np.int32)
    for n in prange(samples):
        planes[n] = cell_of(positions[n, 0], size_x)[0]
    first = balanced_ranges(planes, size_x, owners)
    for owner in prange(len(first) - 1):
        begin, end = first[owner], first[owner + 1]
        for n in range(samples):
            x0 = np.int64(planes[n])
            if x0 + 1 < begin or x0 >= end:
                continue
            fx = cell_of(positions[n, 0], size_x)[1]
            y0, fy = cell_of(positions[n, 1], size_y)
            z0, fz = cell_of(positions[n, 2], size_z)
            y1, z1 = min(y0 + 1, size_y - 1), min(z0 + 1, size_z - 1)
            row = gradients[n]
            for x in range(max(x0, begin), min(x0 + 2, end, size_x)):
                weight_x = fx if x > x0 else ONE - fx
                for corner in range(4):
                    y = y1 if corner & 2 else y0
                    z = z1 if corner & 1 else z0
                    weight = weight_x * (fy if corner & 2 else ONE - fy) * (fz if corner & 1 else ONE - fz)
                    touched[x, y, z] = 1
                    voxel = values[x, y, z]
                    for c in range(len(channels)):
                        voxel[c] += weight * row[c]


@numba.njit(cache=True)
def balanced_ranges(planes, size_x, owners):  # type: ignore[no-untyped-def]
    """Split [0, size_x) into ranges that hold about equally many samples; returns the owners + 1 borders."""
    counts = np.zeros(size_x, np.int64)
    for plane in planes:
        counts[plane] += 1
    first = np.full(owners + 1, size_x, np.int64)
    first[0] = 0
    owner, seen = 1, 0
    for x in range(size_x):
        seen += counts[x]
        while owner < owners and seen * owners >= owner * len(planes):
            first[owner] = x + 1
            owner += 1
    return first
