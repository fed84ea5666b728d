"""The gradient of an absolute deviation at touched voxels."""

from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel


@parallel_kernel
def add_gradient(grid, reference, gradients, touched, weight, channels):  # type: ignore[no-untyped-def]
    for voxel in prange(len(touched)):
        if touched[voxel] == 0:
            continue
        for c in range(len(channels)):
            if grid[voxel, c] > reference[voxel, c]:
                gradients[voxel, c] += weight
            elif grid[voxel, c] < reference[voxel, c]:
                gradients[voxel, c] -= weight
