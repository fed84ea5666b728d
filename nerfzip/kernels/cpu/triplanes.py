"""Look-up in three orthogonal planes at several resolutions, and its adjoint, channels-last."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import inlined, parallel_kernel
from nerfzip.kernels.cpu.trilinear import ONE, balanced_ranges, cell_of

THIRD = np.float32(1 / 3)
FIRST_AXES = (0, 1, 0)
SECOND_AXES = (1, 2, 2)
PART = 1024
"""Samples that a thread looks up at a time."""


@inlined
def corners_of(plane, first, second):  # type: ignore[no-untyped-def]
    """Lower and upper rows and columns around a place in [0, 1]², and thirds of their weights."""
    rows, columns = plane.shape[0], plane.shape[1]
    i, fi = cell_of(first * np.float32(rows - 1), rows)
    j, fj = cell_of(second * np.float32(columns - 1), columns)
    gi, gj = THIRD * (ONE - fi), ONE - fj
    fi = THIRD * fi
    return i, min(i + 1, rows - 1), j, min(j + 1, columns - 1), gi * gj, gi * fj, fi * gj, fi * fj


@parallel_kernel
def gather(scales, positions, channels, out):  # type: ignore[no-untyped-def]
    # Scale by scale, so that one stays in the cache.
    for part in prange(-(-len(positions) // PART)):
        begin, end = part * PART, min((part + 1) * PART, len(positions))
        for scale in range(len(scales)):
            xy, yz, xz = scales[scale][0], scales[scale][1], scales[scale][2]
            offset = scale * len(channels)
            for n in range(begin, end):
                x, y, z = positions[n, 0], positions[n, 1], positions[n, 2]
                i, k, j, m, a00, a01, a10, a11 = corners_of(xy, x, y)
                p00, p01, p10, p11 = xy[i, j], xy[i, m], xy[k, j], xy[k, m]
                i, k, j, m, b00, b01, b10, b11 = corners_of(yz, y, z)
                q00, q01, q10, q11 = yz[i, j], yz[i, m], yz[k, j], yz[k, m]
                i, k, j, m, c00, c01, c10, c11 = corners_of(xz, x, z)
                r00, r01, r10, r11 = xz[i, j], xz[i, m], xz[k, j], xz[k, m]
                row = out[n]
                # All corners in one expression: one vector store a row.
                for c in range(len(channels)):
                    row[offset + c] = (
                        ((a00 * p00[c] + a01 * p01[c]) + (a10 * p10[c] + a11 * p11[c]))
                        + ((b00 * q00[c] + b01 * q01[c]) + (b10 * q10[c] + b11 * q11[c]))
                        + ((c00 * r00[c] + c01 * r01[c]) + (c10 * r10[c] + c11 * r11[c]))
                    )


@parallel_kernel
def scatter(scales, positions, gradients, channels, owners):  # type: ignore[no-untyped-def]
    """As that of `trilinear`: each thread owns rows of each plane, so the sums have one order."""
    samples, count = len(positions), len(scales)
    rows = np.empty((count, 3, samples), np.int32)
    for n in prange(samples):
        for scale in range(count):
            size = scales[scale].shape[1]
            for axis in range(2):
                rows[scale, axis, n] = cell_of(positions[n, axis] * np.float32(size - 1), size)[0]
            rows[scale, 2, n] = rows[scale, 0, n]
    borders = np.empty((count, 3, owners + 1), np.int64)
    for scale in range(count):
        for plane in range(3):
            borders[scale, plane] = balanced_ranges(rows[scale, plane], scales[scale].shape[1], owners)
    for owner in prange(owners):
        for scale in range(count):
            offset = scale * len(channels)
            for plane in range(3):
                values = scales[scale][plane]
                begin, end = borders[scale, plane, owner], borders[scale, plane, owner + 1]
                for n in range(samples):
                    row = np.int64(rows[scale, plane, n])
                    if row + 1 < begin or row >= end:
                        continue
                    i, k, j, m, w00, w01, w10, w11 = corners_of(
                        values, positions[n, FIRST_AXES[plane]], positions[n, SECOND_AXES[plane]]
                    )
                    if i >= begin:
                        v0, v1 = values[i, j], values[i, m]
                        for c in range(len(channels)):
                            amount = gradients[n, offset + c]
                            v0[c] += w00 * amount
                            v1[c] += w01 * amount
                    if begin <= k < end:
                        v0, v1 = values[k, j], values[k, m]
                        for c in range(len(channels)):
                            amount = gradients[n, offset + c]
                            v0[c] += w10 * amount
                            v1[c] += w11 * amount
