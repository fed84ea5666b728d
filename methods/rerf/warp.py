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
    """The previous frame, seen from this one; zero outside `where`.

    Args:
        previous: a grid of the previous frame.
        motion: for each block of this frame, how far from its voxels the previous frame's lie, in voxels.
        where: the voxels that are wanted.
    """
    voxels = where.nonzero()
    block_x, block_y, block_z = (voxels // BLOCK).unbind(-1)
    positions = voxels + motion[block_x, block_y, block_z]
    result = lazy_zeros(tuple(previous.shape))
    result[voxels.unbind(-1)] = interpolate_trilinear(previous, positions)
    return result
