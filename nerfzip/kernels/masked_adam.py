"""Adam that updates only the voxels that got a gradient."""

import math

import numpy as np
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import masked_adam as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.gradient import VoxelGradient
from nerfzip.kernels.twins import masked_adam as twin


def masked_adam_step(
    parameters: Float[Tensor, "x y z channels"],
    gradient: VoxelGradient,
    first_moment: Float[Tensor, "x y z channels"],
    second_moment: Float[Tensor, "x y z channels"],
    steps: int,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.99),
    epsilon: float = 1e-8,
    rates: Float[Tensor, "x y z"] | None = None,
) -> None:
    """One step of Adam (Kingma and Ba 2015, Algorithm 1) in place; untouched voxels keep value and moments.

    Clears the gradient. The bias correction counts all steps, also those that did not touch it (as in DVGO).

    Args:
        steps: how many steps were taken, this one included; at least 1.
        rates: factors on the learning rate of each voxel (DVGO's view counts); none means 1.
    """
    channels = parameters.shape[-1]
    rate = learning_rate / (1 - betas[0] ** steps)
    correction2 = 1 / math.sqrt(1 - betas[1] ** steps)
    rows = (-1, channels)
    tensors = (
        parameters.detach().view(rows),
        gradient.values.view(rows),
        gradient.touched.view(-1),
        first_moment.view(rows),
        second_moment.view(rows),
        parameters.new_ones(1) if rates is None else rates.view(-1),
    )
    scalars = (rate, *betas, correction2, epsilon)
    form = form_for(parameters)
    if form == "cpu":
        arrays = [tensor.numpy() for tensor in tensors]
        cpu.step(*arrays, *[np.float32(value) for value in scalars], channel_tuple(channels))
    elif form == "cuda":
        from nerfzip.kernels.cuda import masked_adam as cuda

        cuda.step(*tensors, *scalars)
    else:
        twin.step(*tensors, *scalars)
