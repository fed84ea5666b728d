"""Total variation of a voxel grid, where it is being trained."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import total_variation as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.gradient import VoxelGradient
from nerfzip.kernels.twins import total_variation as twin


def add_total_variation(grid: Float[Tensor, "x y z channels"], gradient: VoxelGradient, weight: float) -> None:
    """Add the gradient of weight · Σ huber(v − neighbour) at the touched voxels, over their six neighbours, in place.

    Differences beyond 1 count linearly, as in DVGO. Voxels that no ray has touched get none.
    """
    values = grid.detach()
    tensors = values, gradient.values, gradient.touched
    form = form_for(grid)
    if form == "cpu":
        arrays = [tensor.numpy() for tensor in tensors]
        cpu.add_gradient(*arrays, np.float32(weight), channel_tuple(grid.shape[3]))
    elif form == "cuda":
        from nerfzip.kernels.cuda import total_variation as cuda

        cuda.add_gradient(*tensors, weight)
    else:
        twin.add_gradient(*tensors, weight)
