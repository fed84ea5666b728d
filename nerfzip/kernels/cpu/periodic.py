"""Periodic multi-level look-up with Hadamard product, and its adjoint, on channels-last grids."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import inlined, parallel_kernel
from nerfzip.kernels.cpu.trilinear import ONE, ZERO, balanced_ranges

HALF = np.float32(0.5)
PART = 4096
"""Samples that a thread looks up at a time."""


@inlined
def cell_in_tile(position, tiles, size):  # type: ignore[no-untyped-def]
    """Lower corner and fraction in a grid that repeats `tiles` times over [0, 1]; its corners are voxel centres."""
    turns = position * tiles
    inside = (turns - np.floor(turns)) * np.float32(size - 1)
    lower = max(min(np.int64(inside), size - 2), 0)
    return lower, inside - np.float32(lower)


@inlined
def cell_in_box(position, size):  # type: ignore[no-untyped-def]
    """The same in a grid whose voxels fill [0, 1] once; outside the outer centres the border value holds."""
    inside = min(max(position * np.float32(size) - HALF, ZERO), np.float32(size - 1))
    lower = max(min(np.int64(inside), size - 2), 0)
    return lower, inside - np.float32(lower)


@inlined
def add_corners(grid, x, fx, y, fy, z, fz, out, first, channels):  # type: ignore[no-untyped-def]
    """Write the trilinear mean of the eight voxels from (x, y, z) on to out[first:]."""
    x1, y1, z1 = min(x + 1, grid.shape[0] - 1), min(y + 1, grid.shape[1] - 1), min(z + 1, grid.shape[2] - 1)
    gx, gy, gz = ONE - fx, ONE - fy, ONE - fz
    v000, v001, v010, v011 = grid[x, y, z], grid[x, y, z1], grid[x, y1, z], grid[x, y1, z1]
    v100, v101, v110, v111 = grid[x1, y, z], grid[x1, y, z1], grid[x1, y1, z], grid[x1, y1, z1]
    w000, w001, w010, w011 = gx * gy * gz, gx * gy * fz, gx * fy * gz, gx * fy * fz
    w100, w101, w110, w111 = fx * gy * gz, fx * gy * fz, fx * fy * gz, fx * fy * fz
    for c in range(channels):
        out[first + c] = (
            (w000 * v000[c] + w001 * v001[c])
            + (w010 * v010[c] + w011 * v011[c])
            + (w100 * v100[c] + w101 * v101[c])
            + (w110 * v110[c] + w111 * v111[c])
        )


@inlined
def add_level(grid, positions, tiles, begin, end, values, first, channels):  # type: ignore[no-untyped-def]
    """`add_corners` of the samples from `begin` to `end` in one level."""
    for n in range(begin, end):
        x, fx = cell_in_tile(positions[n, 0], tiles[0], grid.shape[0])
        y, fy = cell_in_tile(positions[n, 1], tiles[1], grid.shape[1])
        z, fz = cell_in_tile(positions[n, 2], tiles[2], grid.shape[2])
        add_corners(grid, x, fx, y, fy, z, fz, values[n], first, channels)


@parallel_kernel
def gather(coefficients, bases, positions, tiles, channels, coefficient_values, basis_values, out):  # type: ignore[no-untyped-def]
    size_x, size_y, size_z, _ = coefficients.shape
    # Level by level, so that a level stays in the cache.
    for part in prange(-(-len(positions) // PART)):
        begin, end = part * PART, min((part + 1) * PART, len(positions))
        first = 0
        for level in range(len(bases)):
            grid = bases[level]
            # A constant number of channels unrolls into vector instructions.
            if grid.shape[3] == 4:
                add_level(grid, positions, tiles[level], begin, end, basis_values, first, 4)
            elif grid.shape[3] == 2:
                add_level(grid, positions, tiles[level], begin, end, basis_values, first, 2)
            else:
                add_level(grid, positions, tiles[level], begin, end, basis_values, first, grid.shape[3])
            first += grid.shape[3]
        for n in range(begin, end):
            x, fx = cell_in_box(positions[n, 0], size_x)
            y, fy = cell_in_box(positions[n, 1], size_y)
            z, fz = cell_in_box(positions[n, 2], size_z)
            add_corners(coefficients, x, fx, y, fy, z, fz, coefficient_values[n], 0, len(channels))
            for c in range(len(channels)):
                out[n, c] = coefficient_values[n, c] * basis_values[n, c]


@inlined
def splat_planes(values, begin, end, x, fx, y, fy, z, fz, factors, gradients, first, channels):  # type: ignore[no-untyped-def]
    """Add factors × gradients to the corners of a cell whose x-plane is in [begin, end)."""
    y1, z1 = min(y + 1, values.shape[1] - 1), min(z + 1, values.shape[2] - 1)
    for plane in range(max(x, begin), min(x + 2, end)):
        weight_x = fx if plane > x else ONE - fx
        v00, v01, v10, v11 = values[plane, y, z], values[plane, y, z1], values[plane, y1, z], values[plane, y1, z1]
        w00, w01 = weight_x * (ONE - fy) * (ONE - fz), weight_x * (ONE - fy) * fz
        w10, w11 = weight_x * fy * (ONE - fz), weight_x * fy * fz
        for c in range(channels):
            amount = factors[first + c] * gradients[first + c]
            v00[c] += w00 * amount
            v01[c] += w01 * amount
            v10[c] += w10 * amount
            v11[c] += w11 * amount


@parallel_kernel
def scatter(  # type: ignore[no-untyped-def]
    grad_coefficients, grad_bases, positions, tiles, channels, coefficient_values, basis_values, gradients, owners
):
    """The adjoint of `gather`. Each thread owns ranges of x-planes, as in `trilinear.scatter`: sums have one order."""
    samples, levels = len(positions), len(grad_bases)
    planes = np.empty((levels + 1, samples), np.int32)
    for n in prange(samples):
        planes[levels, n] = cell_in_box(positions[n, 0], grad_coefficients.shape[0])[0]
        for level in range(levels):
            planes[level, n] = cell_in_tile(positions[n, 0], tiles[level, 0], grad_bases[level].shape[0])[0]
    borders = np.empty((levels + 1, owners + 1), np.int64)
    for level in prange(levels + 1):
        size = grad_coefficients.shape[0] if level == levels else grad_bases[level].shape[0]
        borders[level] = balanced_ranges(planes[level], size, owners)
    for owner in prange(owners):
        begin, end = borders[levels, owner], borders[levels, owner + 1]
        for n in range(samples):
            x = np.int64(planes[levels, n])
            if x + 1 < begin or x >= end:
                continue
            fx = cell_in_box(positions[n, 0], grad_coefficients.shape[0])[1]
            y, fy = cell_in_box(positions[n, 1], grad_coefficients.shape[1])
            z, fz = cell_in_box(positions[n, 2], grad_coefficients.shape[2])
            splat_planes(
                grad_coefficients, begin, end, x, fx, y, fy, z, fz, basis_values[n], gradients[n], 0, len(channels)
            )
        first = 0
        for level in range(levels):
            grid = grad_bases[level]
            begin, end = borders[level, owner], borders[level, owner + 1]
            for n in range(samples):
                x = np.int64(planes[level, n])
                if x + 1 < begin or x >= end:
                    continue
                fx = cell_in_tile(positions[n, 0], tiles[level, 0], grid.shape[0])[1]
                y, fy = cell_in_tile(positions[n, 1], tiles[level, 1], grid.shape[1])
                z, fz = cell_in_tile(positions[n, 2], tiles[level, 2], grid.shape[2])
                if grid.shape[3] == 4:
                    splat_planes(grid, begin, end, x, fx, y, fy, z, fz, coefficient_values[n], gradients[n], first, 4)
                elif grid.shape[3] == 2:
                    splat_planes(grid, begin, end, x, fx, y, fy, z, fz, coefficient_values[n], gradients[n], first, 2)
                else:
                    splat_planes(
                        grid, begin, end, x, fx, y, fy, z, fz, coefficient_values[n], gradients[n], first, grid.shape[3]
                    )
            first += grid.shape[3]
