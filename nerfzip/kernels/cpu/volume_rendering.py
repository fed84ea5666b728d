"""Packed volume rendering."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel

ZERO = np.float32(0)
ONE = np.float32(1)


@parallel_kernel
def weights_forward(alphas, offsets, weights, transmittance):  # type: ignore[no-untyped-def]
    for ray in prange(len(offsets) - 1):
        remaining = ONE
        for n in range(offsets[ray], offsets[ray + 1]):
            weights[n] = remaining * alphas[n]
            remaining *= ONE - alphas[n]
        transmittance[ray] = remaining


@parallel_kernel
def weights_backward(alphas, offsets, grad_weights, grad_transmittance, grad_alphas):  # type: ignore[no-untyped-def]
    """∂L/∂α_i = T_i (∂L/∂w_i − B_i), where B_i = α_{i+1} ∂L/∂w_{i+1} + (1 − α_{i+1}) B_{i+1} is what lies behind.

    Behind the last sample B is ∂L/∂T_last. Without a division by 1 − α, so that opaque samples do no harm.
    """
    for ray in prange(len(offsets) - 1):
        remaining = ONE
        for n in range(offsets[ray], offsets[ray + 1]):
            grad_alphas[n] = remaining
            remaining *= ONE - alphas[n]
        behind = grad_transmittance[ray]
        for n in range(offsets[ray + 1] - 1, offsets[ray] - 1, -1):
            grad_alphas[n] *= grad_weights[n] - behind
            behind = alphas[n] * grad_weights[n] + (ONE - alphas[n]) * behind


@parallel_kernel
def accumulate_forward(weights, values, offsets, channels, out):  # type: ignore[no-untyped-def]
    for ray in prange(len(offsets) - 1):
        for c in range(len(channels)):
            out[ray, c] = ZERO
        for n in range(offsets[ray], offsets[ray + 1]):
            for c in range(len(channels)):
                out[ray, c] += weights[n] * values[n, c]


@parallel_kernel
def accumulate_backward(  # type: ignore[no-untyped-def]
    weights, values, offsets, channels, grad_out, grad_weights, grad_values
):
    for ray in prange(len(offsets) - 1):
        for n in range(offsets[ray], offsets[ray + 1]):
            total = ZERO
            for c in range(len(channels)):
                total += grad_out[ray, c] * values[n, c]
                grad_values[n, c] = weights[n] * grad_out[ray, c]
            grad_weights[n] = total
