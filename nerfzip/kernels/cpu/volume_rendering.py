"""Packed volume rendering."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel

ZERO = np.float32(0)
ONE = np.float32(1)
SMALLEST = np.float32(1e-7)


@parallel_kernel
def weights_forward(alphas, offsets, weights, transmittance):  # type: ignore[no-untyped-def]
    for ray in prange(len(offsets) - 1):
        remaining = ONE
        for n in range(offsets[ray], offsets[ray + 1]):
            weights[n] = remaining * alphas[n]
            remaining *= ONE - alphas[n]
        transmittance[ray] = remaining


@parallel_kernel
def weights_backward(  # type: ignore[no-untyped-def]
    alphas, offsets, weights, transmittance, grad_weights, grad_transmittance, grad_alphas
):
    """∂L/∂α_i = T_i ∂L/∂w_i − (Σ_{j>i} w_j ∂L/∂w_j + T_last ∂L/∂T_last) / (1 − α_i)."""
    for ray in prange(len(offsets) - 1):
        behind = transmittance[ray] * grad_transmittance[ray]
        for n in range(offsets[ray], offsets[ray + 1]):
            behind += weights[n] * grad_weights[n]
        remaining = ONE
        for n in range(offsets[ray], offsets[ray + 1]):
            behind -= weights[n] * grad_weights[n]
            grad_alphas[n] = remaining * grad_weights[n] - behind / max(ONE - alphas[n], SMALLEST)
            remaining *= ONE - alphas[n]


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
