"""The gradient of an absolute deviation at touched voxels."""

import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.launch import blocks, launch


def add_gradient(grid: Tensor, reference: Tensor, gradients: Tensor, touched: Tensor, weight: float) -> None:
    programs, constants = blocks(*grid.shape)
    launch(_add_gradient, (programs,), grid, reference, gradients, touched, weight, *grid.shape, **constants)


@triton.jit
def _add_gradient(  # type: ignore[no-untyped-def]
    grid, reference, gradients, touched, weight, voxels, channels, block: tl.constexpr, width: tl.constexpr
):
    voxel = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    marked = tl.load(touched + voxel, voxel < voxels, 0) != 0
    where, used = voxel[:, None] * channels + c, marked[:, None] & (c < channels)
    difference = tl.load(grid + where, used, 0.0) - tl.load(reference + where, used, 0.0)
    signed = tl.where(difference > 0, weight, tl.where(difference < 0, -weight, 0.0))
    tl.store(gradients + where, tl.load(gradients + where, used, 0.0) + signed, used)
