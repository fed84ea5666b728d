"""How the CPU kernels are compiled."""

from collections.abc import Callable
from typing import Any

import numba

# NaN and infinity keep their meaning. No reassociation: the process that compiles a kernel would round otherwise than
# those that load it from the cache.
FAST_MATH = {"contract", "nsz", "arcp"}


def parallel_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile over all cores, cached on disk between runs."""
    return numba.njit(parallel=True, cache=True, fastmath=FAST_MATH, error_model="numpy", nogil=True)(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper of kernels."""
    return numba.njit(cache=True, fastmath=FAST_MATH, error_model="numpy", inline="always")(function)


def channel_tuple(channels: int) -> tuple[int, ...]:
    """A tuple of `channels` zeros.

    Numba compiles a version for each tuple length, so `range(len(t))` has a constant trip count: the loops over
    channels unroll into vector instructions.
    """
    return (0,) * channels
