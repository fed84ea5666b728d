"""The gradient of total variation at touched voxels."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel

ONE = np.float32(1)


@parallel_kernel
def add_gradient(grid, gradients, touched, weight, channels):  # type: ignore[no-untyped-def]
    size_x, size_y, size_z, _ = grid.shape
    for column in prange(size_x * size_y):
        x, y = column // size_y, column % size_y
        for z in range(size_z):
            if touched[x, y, z] == 0:
                continue
            here, target = grid[x, y, z], gradients[x, y, z]
            for neighbour in range(6):
                step = 1 if neighbour & 1 else -1
                nx = x + (step if neighbour >> 1 == 0 else 0)
                ny = y + (step if neighbour >> 1 == 1 else 0)
                nz = z + (step if neighbour >> 1 == 2 else 0)
                if nx < 0 or ny < 0 or nz < 0 or nx >= size_x or ny >= size_y or nz >= size_z:
                    continue
                there = grid[nx, ny, nz]
                for c in range(len(channels)):
                    target[c] += weight * min(max(here[c] - there[c], -ONE), ONE)
