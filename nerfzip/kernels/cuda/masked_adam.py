"""Adam over touched voxels."""

import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.launch import blocks, launch


def step(
    parameters: Tensor,
    gradients: Tensor,
    touched: Tensor,
    first: Tensor,
    second: Tensor,
    rates: Tensor,
    rate: float,
    beta1: float,
    beta2: float,
    correction2: float,
    epsilon: float,
) -> None:
    """One fused update of each touched voxel, whose gradient is cleared on the way; then all marks are.

    The kernel must not clear them: several warps read the mark of one voxel, and none waits for the others.
    """
    voxels, channels = parameters.shape
    programs, constants = blocks(voxels, channels)
    tensors = parameters, gradients, touched, first, second, rates
    scalars = voxels, channels, rate, beta1, beta2, correction2, epsilon
    launch(_step, (programs,), *tensors, *scalars, own_rates=len(rates) > 1, **constants)
    touched.zero_()


@triton.jit
def _step(  # type: ignore[no-untyped-def]
    parameters,
    gradients,
    touched,
    first,
    second,
    rates,
    voxels,
    channels,
    rate,
    beta1,
    beta2,
    correction2,
    epsilon,
    own_rates: tl.constexpr,
    block: tl.constexpr,
    width: tl.constexpr,
):
    voxel = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    # Nothing of an untouched voxel is read but its mark: most of a grid is untouched.
    marked = tl.load(touched + voxel, voxel < voxels, 0) != 0
    own_rate = rate * tl.load(rates + voxel * own_rates, marked, 0.0)
    where, used = voxel[:, None] * channels + c, marked[:, None] & (c < channels)
    g = tl.load(gradients + where, used, 0.0)
    m = beta1 * tl.load(first + where, used, 0.0) + (1.0 - beta1) * g
    v = beta2 * tl.load(second + where, used, 0.0) + (1.0 - beta2) * g * g
    p = tl.load(parameters + where, used, 0.0)
    tl.store(first + where, m, used)
    tl.store(second + where, v, used)
    tl.store(gradients + where, tl.zeros([block, width], tl.float32), used)
    tl.store(parameters + where, p - own_rate[:, None] * m / (tl.sqrt_rn(v) * correction2 + epsilon), used)
