"""The gradient of trilinear interpolation with respect to positions, on channels-last grids."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel
from nerfzip.kernels.cpu.trilinear import ONE, ZERO, cell_of


@parallel_kernel
def position_gradients(grid, positions, gradients, channels, out):  # type: ignore[no-untyped-def]
    """`out` becomes the gradient of each position; zero along an axis on which the position lies outside."""
    size_x, size_y, size_z, _ = grid.shape
    for n in prange(len(positions)):
        x0, fx = cell_of(positions[n, 0], size_x)
        y0, fy = cell_of(positions[n, 1], size_y)
        z0, fz = cell_of(positions[n, 2], size_z)
        x1, y1, z1 = min(x0 + 1, size_x - 1), min(y0 + 1, size_y - 1), min(z0 + 1, size_z - 1)
        gx, gy, gz = ONE - fx, ONE - fy, ONE - fz
        v000, v001, v010, v011 = grid[x0, y0, z0], grid[x0, y0, z1], grid[x0, y1, z0], grid[x0, y1, z1]
        v100, v101, v110, v111 = grid[x1, y0, z0], grid[x1, y0, z1], grid[x1, y1, z0], grid[x1, y1, z1]
        row = gradients[n]
        along_x, along_y, along_z = ZERO, ZERO, ZERO
        for c in range(len(channels)):
            along_x += row[c] * (
                gy * (gz * (v100[c] - v000[c]) + fz * (v101[c] - v001[c]))
                + fy * (gz * (v110[c] - v010[c]) + fz * (v111[c] - v011[c]))
            )
            along_y += row[c] * (
                gx * (gz * (v010[c] - v000[c]) + fz * (v011[c] - v001[c]))
                + fx * (gz * (v110[c] - v100[c]) + fz * (v111[c] - v101[c]))
            )
            along_z += row[c] * (
                gx * (gy * (v001[c] - v000[c]) + fy * (v011[c] - v010[c]))
                + fx * (gy * (v101[c] - v100[c]) + fy * (v111[c] - v110[c]))
            )
        out[n, 0] = along_x if ZERO <= positions[n, 0] <= np.float32(size_x - 1) else ZERO
        out[n, 1] = along_y if ZERO <= positions[n, 1] <= np.float32(size_y - 1) else ZERO
        out[n, 2] = along_z if ZERO <= positions[n, 2] <= np.float32(size_z - 1) else ZERO
