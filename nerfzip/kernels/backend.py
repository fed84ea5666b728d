"""Which form of a kernel runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import Literal

from torch import Tensor

Form = Literal["cpu", "cuda", "twin"]

_forced: ContextVar[Form | None] = ContextVar("forced", default=None)


def form_for(tensor: Tensor) -> Form:
    """The form that handles `tensor`: numba on the CPU, Triton on CUDA where it is installed, else the twin.

    To be asked in the forward pass: autograd runs backward passes on CUDA in a thread of its own, which knows nothing
    of the blocks below.
    """
    forced = _forced.get()
    if forced is not None:
        return forced
    if tensor.device.type == "cpu":
        return "cpu"
    return "cuda" if tensor.device.type == "cuda" and _triton_is_installed() else "twin"


@contextmanager
def use_twins(enabled: bool = True) -> Iterator[None]:
    """Within the block every kernel is its pure-torch twin, on any device; for tests and benchmarks."""
    with _force("twin" if enabled else None):
        yield


@contextmanager
def use_triton() -> Iterator[None]:
    """Within the block every kernel is its Triton form, on any device; for tests.

    On the CPU that works in Triton's interpreter alone: TRITON_INTERPRET=1 when triton is first imported.
    """
    with _force("cuda"):
        yield


@contextmanager
def _force(form: Form | None) -> Iterator[None]:
    token = _forced.set(form)
    try:
        yield
    finally:
        _forced.reset(token)


@cache
def _triton_is_installed() -> bool:
    return find_spec("triton") is not None
