"""Objects and all their tensors, from one device to another."""

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from functools import cache
from types import FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Movable = TypeVar("Movable")


def working_on(device: str) -> AbstractContextManager[Any]:
    """Within the block, new tensors are made on the device.

    Methods are fitted and compress on the job's device; coding is integers, on the CPU: `working_on("cpu")`.
    """
    # Each such context costs a little of each operation.
    return nullcontext() if torch.get_default_device().type == device else torch.device(device)


def constant(values: Sequence[float], like: Tensor) -> Tensor:
    """Numbers as a tensor of another's type and on its device, made once and kept: it must not be changed.

    Making one on a CUDA device waits for all that the device does, and can't be captured in a CUDA graph.
    """
    return _constant(tuple(values), like.dtype, like.device)


# Without a limit: a captured graph reads it as long as the graph lives.
@cache
def _constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device)


def on_device(value: Movable, device: str) -> Movable:
    """A copy whose tensors, those in attributes, lists, tuples and dictionaries too, are all on the device.

    What is shared stays shared.
    """
    return _moved(value, torch.device(device), {})


def _moved(value: Any, device: torch.device, known: dict[int, Any]) -> Any:
    """
    Args:
        known: what has been moved, by identity.
    """
    if id(value) in known:
        return known[id(value)]
    result = value
    if isinstance(value, nn.Parameter):
        result = nn.Parameter(value.detach().to(device), requires_grad=value.requires_grad)
    elif isinstance(value, Tensor):
        result = value.to(device)
    elif isinstance(value, (list, tuple)):
        parts = [_moved(each, device, known) for each in value]
        result = type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    elif isinstance(value, dict):
        result = type(value)((key, _moved(each, device, known)) for key, each in value.items())
    elif isinstance(value, MethodType):
        result = MethodType(value.__func__, _moved(value.__self__, device, known))
    elif hasattr(value, "__dict__") and not isinstance(value, (type, Enum, FunctionType, ModuleType)):
        result = copy.copy(value)
        known[id(value)] = result
        vars(result).update({name: _moved(each, device, known) for name, each in vars(value).items()})
    known[id(value)] = result
    return result
