"""A second device without hardware: tensors that say that they are elsewhere, and refuse to meet those that are here.

It says "meta", the one name that PyTorch knows on every machine; values are real, and computed on the CPU.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = "meta"


class Elsewhere(Tensor):
    """A tensor on the simulated device."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> "Elsewhere":
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined, no-any-return]
            cls,
            here.shape,
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=DEVICE,
        )

    def __init__(self, here: Tensor) -> None:
        self.here = here

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


@contextmanager
def simulated_device() -> Iterator[None]:
    """Within the block, without gradients, the device can be used."""
    with torch.no_grad(), _NewTensors(), _Operations():
        yield


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _NewTensors(TorchFunctionMode):
    """What is made of Python's numbers, which PyTorch copies to a device without asking anybody."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is Tensor.tolist and isinstance(args[0], Elsewhere):
            return args[0].here.tolist()
        if func is Tensor.new_tensor and isinstance(args[0], Elsewhere):
            return Elsewhere(args[0].here.new_tensor(*args[1:], **kwargs))
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu").type == DEVICE:
            return Elsewhere(torch.tensor(*args, **{**kwargs, "device": "cpu"}))
        if func is Tensor.__getitem__ and isinstance(args[0], Elsewhere) and isinstance(args[1], tuple):
            # Lists among the indices too.
            index = [Elsewhere(torch.tensor(part)) if isinstance(part, list | tuple) else part for part in args[1]]
            return func(args[0], tuple(index))
        return func(*args, **kwargs)


def _computed(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    name = func.__name__.partition(".")[0]
    leaves = tree_leaves((args, kwargs))
    elsewhere = any(isinstance(value, Elsewhere) for value in leaves)
    here = any(isinstance(value, Tensor) and not isinstance(value, Elsewhere) and value.dim() > 0 for value in leaves)
    if elsewhere and here and "copy" not in name:
        raise RuntimeError(f"{name}: expected all tensors to be on the same device")
    args, kwargs = tree_map(lambda value: value.here if isinstance(value, Elsewhere) else value, (args, kwargs))
    if kwargs.get("device") is not None:
        elsewhere = torch.device(kwargs["device"]).type == DEVICE
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = func(*args, **kwargs)
    if name.endswith("_") and not name.startswith("_"):
        return leaves[0]  # In place.
    return tree_map(lambda value: Elsewhere(value) if elsewhere and isinstance(value, Tensor) else value, result)
