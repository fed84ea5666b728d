"""The gradient of total variation at touched voxels."""

import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.launch import blocks, launch


def add_gradient(grid: Tensor, gradients: Tensor, touched: Tensor, weight: float) -> None:
    programs, constants = blocks(touched.numel(), grid.shape[3])
    launch(_add_gradient, (programs,), grid.contiguous(), gradients, touched, weight, *grid.shape, **constants)


@triton.jit
def _difference(grid, where, here, used, exists, offset):  # type: ignore[no-untyped-def]
    """From the neighbour at an offset to the voxel, between −1 and 1; 0 where there is no such neighbour."""
    there = tl.load(grid + where + offset, used & exists[:, None], 0.0)
    return tl.where(exists[:, None], tl.minimum(tl.maximum(here - there, -1.0), 1.0), 0.0)


@triton.jit
def _add_gradient(  # type: ignore[no-untyped-def]
    grid, gradients, touched, weight, size_x, size_y, size_z, channels, block: tl.constexpr, width: tl.constexpr
):
    voxel = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    x, y, z = voxel // size_z // size_y, voxel // size_z % size_y, voxel % size_z
    marked = tl.load(touched + voxel, x < size_x, 0) != 0
    where, used = voxel[:, None] * channels + c, marked[:, None] & (c < channels)
    here = tl.load(grid + where, used, 0.0)
    total = _difference(grid, where, here, used, x > 0, -size_y * size_z * channels)
    total += _difference(grid, where, here, used, x < size_x - 1, size_y * size_z * channels)
    total += _difference(grid, where, here, used, y > 0, -size_z * channels)
    total += _difference(grid, where, here, used, y < size_y - 1, size_z * channels)
    total += _difference(grid, where, here, used, z > 0, -channels)
    total += _difference(grid, where, here, used, z < size_z - 1, channels)
    tl.store(gradients + where, tl.load(gradients + where, used, 0.0) + weight * total, used)
