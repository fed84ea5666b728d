"""Carrying the previous frame along by the motion of its blocks."""

from jaxtyping import Bool, Float
from torch import Tensor

from methods.rerf.blocks import BLOCK
from nerfzip.kernels import interpolate_trilinear, lazy_zeros


def warped(
    previous: Float[Tensor, "x y z channels"],
    motion: Float[Tensor, "bx by bz 3"],
    where: Bool[Tensor, "x y z"],
) -> Float[Tensor, "x y z channels"]:
    """The previous frame, seen from this one; zero outside `where`. The arguments are those of `warped_voxels`."""
    result = lazy_zeros(tuple(previous.shape))
    result[where] = warped_voxels(previous, motion, where)
    return result


def warped_voxels(
    previous: Float[Tensor, "x y z channels"],
    motion: Float[Tensor, "bx by bz 3"],
    where: Bool[Tensor, "x y z"],
) -> Float[Tensor, "voxels channels"]:
    """What the previous frame has for each voxel of `where`.

    Args:
        previous: a grid of the previous frame.
        motion: for each block of this frame, how far from its voxels the previous frame's lie, in voxels.
    """
    voxels = where.nonzero()
    block_x, block_y, block_z = (voxels // BLOCK).unbind(-1)
    return interpolate_trilinear(previous, voxels + motion[block_x, block_y, block_z])
