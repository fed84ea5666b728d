"""How far a voxel grid is from another one, where it is being trained."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import absolute_deviation as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.gradient import VoxelGradient
from nerfzip.kernels.twins import absolute_deviation as twin


def add_absolute_deviation(
    grid: Float[Tensor, "x y z channels"],
    reference: Float[Tensor, "x y z channels"],
    gradient: VoxelGradient,
    weight: float,
) -> None:
    """Add the gradient of weight · Σ |v − reference| at the touched voxels, in place; zero where they are equal."""
    channels = grid.shape[3]
    rows = (-1, channels)
    tensors = (
        grid.detach().view(rows),
        reference.detach().view(rows),
        gradient.values.view(rows),
        gradient.touched.view(-1),
    )
    form = form_for(grid)
    if form == "cpu":
        arrays = [tensor.numpy() for tensor in tensors]
        cpu.add_gradient(*arrays, np.float32(weight), channel_tuple(channels))
    elif form == "cuda":
        from nerfzip.kernels.cuda import absolute_deviation as cuda

        cuda.add_gradient(*tensors, weight)
    else:
        twin.add_gradient(*tensors, weight)
