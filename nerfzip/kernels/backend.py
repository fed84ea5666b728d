"""Which form of a kernel runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

_twins_only: ContextVar[bool] = ContextVar("twins_only", default=False)


@contextmanager
def use_twins(enabled: bool = True) -> Iterator[None]:
    """Within the block every kernel is its pure-torch twin, on any device; for tests and benchmarks."""
    token = _twins_only.set(enabled)
    try:
        yield
    finally:
        _twins_only.reset(token)


def runs_on_cpu_kernels(tensor: Tensor) -> bool:
    """Whether `tensor` is handled by the numba form."""
    return tensor.device.type == "cpu" and not _twins_only.get()
