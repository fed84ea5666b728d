"""How loops over pixels and voxels are compiled: without fast-math, so that a scene has the same bits every time."""

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop over pixels; `numba.prange` runs over all cores, and no pixel depends on another."""
    return numba.njit(parallel=True, cache=True, error_model="numpy", nogil=True)(function)


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that kernels call; the cached kernel contains it."""
    return numba.njit(error_model="numpy")(function)
