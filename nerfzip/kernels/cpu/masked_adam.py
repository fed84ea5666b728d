"""Adam over touched voxels."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel

ZERO = np.float32(0)
ONE = np.float32(1)


# Marks are looked at eight voxels at a time: most of a grid is untouched.
WORD = 8


@parallel_kernel
def step(  # type: ignore[no-untyped-def]
    parameters, gradients, touched, first, second, rates, rate, beta1, beta2, correction2, epsilon, channels
):
    """One fused update of each touched voxel; its gradient and its mark are cleared on the way."""
    words = touched[: len(touched) // WORD * WORD].view(np.uint64)
    for block in prange(len(words) + 1):
        if block < len(words) and words[block] == 0:
            continue
        for voxel in range(block * WORD, min((block + 1) * WORD, len(touched))):
            if touched[voxel]:
                touched[voxel] = 0
                own_rate = rate * (rates[voxel] if len(rates) > 1 else rates[0])
                for c in range(len(channels)):
                    g = gradients[voxel, c]
                    m = beta1 * first[voxel, c] + (ONE - beta1) * g
                    v = beta2 * second[voxel, c] + (ONE - beta2) * g * g
                    first[voxel, c] = m
                    second[voxel, c] = v
                    gradients[voxel, c] = ZERO
                    parameters[voxel, c] -= own_rate * m / (np.sqrt(v) * correction2 + epsilon)
