"""Which form of a kernel runs."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import Literal

from torch import Tensor

_log = logging.getLogger(__name__)
Form = Literal["cpu", "cuda", "nerfacc", "twin"]

_forced: ContextVar[Form | None] = ContextVar("forced", default=None)
_device_of_nerfacc: ContextVar[str | None] = ContextVar("device_of_nerfacc", default=None)


def form_for(tensor: Tensor, in_nerfacc: bool = False) -> Form:
    """The form that handles `tensor`: numba on the CPU, Triton on CUDA where it works, else the twin.

    To be asked in the forward pass: autograd runs backward passes on CUDA in a thread of its own, which knows nothing
    of the blocks below.

    Args:
        in_nerfacc: the kernel has a form by nerfacc, which is used where it was chosen.
    """
    forced = _forced.get()
    if forced is not None:
        return forced
    if in_nerfacc and tensor.device.type == _device_of_nerfacc.get():
        return "nerfacc"
    if tensor.device.type == "cpu":
        return "cpu"
    return "cuda" if tensor.device.type == "cuda" and triton_problem() is None else "twin"


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
def use_nerfacc(device: str = "cuda") -> Iterator[None]:
    """Within the block traversal, marching and volume rendering of tensors on the device are by nerfacc's kernels.

    Whether they can be used here is for `nerfzip.kernels.nerfacc.extension` to say.
    """
    token = _device_of_nerfacc.set(device)
    try:
        yield
    finally:
        _device_of_nerfacc.reset(token)


def kernels_by(name: str) -> AbstractContextManager[None]:
    """`use_nerfacc` for "nerfacc", nothing for "ours", as settings say it."""
    return use_nerfacc() if name == "nerfacc" else nullcontext()


@contextmanager
def _force(form: Form | None) -> Iterator[None]:
    token = _forced.set(form)
    try:
        yield
    finally:
        _forced.reset(token)


@cache
def triton_problem() -> str | None:
    """Why kernels on CUDA are their twins here, or None if Triton runs them; a problem is also logged, once.

    Triton compiles its link to CUDA's driver, when it is first used, with the C compiler of the machine.
    """
    if find_spec("triton") is None:
        problem = "Triton is not installed"
    else:
        from triton.runtime import driver

        try:
            driver.active.get_current_target()
            return None
        # Whatever Triton, the compiler and the driver raise.
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            problem = f"Triton can't be used: {reason}"
    _log.warning("kernels on CUDA are their pure-torch twins, which are slow: %s", problem)
    return problem
