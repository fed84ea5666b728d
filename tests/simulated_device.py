"""A second device without hardware: tensors that say that they are elsewhere, and refuse to meet those that are here.

It says "meta", the one name that PyTorch knows on every machine; values are real, and computed on the CPU.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = "meta"
_on_this_device = Tensor.new_tensor
optimizer_module = import_module("torch.optim.optimizer")  # which `torch.optim.optimizer` is not


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
    """Within the block the device can be used."""
    fused = optimizer_module._get_fused_kernels_supported_devices()
    with (
        # Not by the mode below, which backward passes know nothing of.
        patch.object(Tensor, "new_tensor", _new_tensor),
        patch.object(optimizer_module, "_get_fused_kernels_supported_devices", lambda: [*fused, DEVICE]),
        _NewTensors(),
        _Operations(),
    ):
        yield


def _new_tensor(like: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if isinstance(like, Elsewhere):
        return Elsewhere(_on_this_device(like.here, *args, **kwargs))
    return _on_this_device(like, *args, **kwargs)


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _NewTensors(TorchFunctionMode):
    """What is made of Python's numbers, which PyTorch copies to a device without asking anybody."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is Tensor.tolist and isinstance(args[0], Elsewhere):
            return args[0].here.tolist()
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu").type == DEVICE:
            return Elsewhere(torch.tensor(*args, **{**kwargs, "device": "cpu"}))
        if func is Tensor.__getitem__ and isinstance(args[0], Elsewhere) and isinstance(args[1], list | tuple):
            # Lists among the indices too.
            parts = args[1] if isinstance(args[1], tuple) else (args[1],)
            return func(args[0], tuple(Elsewhere(torch.tensor(p)) if isinstance(p, list | tuple) else p for p in parts))
        return func(*args, **kwargs)


def _computed(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    name = func.__name__.partition(".")[0]
    leaves = tree_leaves((args, kwargs))
    elsewhere = any(isinstance(value, Elsewhere) for value in leaves)
    # A scalar on the CPU may meet what is elsewhere, but not join it.
    smallest = 0 if name in ("stack", "cat", "index_put", "index_put_") else 1
    here = any(isinstance(v, Tensor) and not isinstance(v, Elsewhere) and v.dim() >= smallest for v in leaves)
    if elsewhere and here and "copy" not in name:
        raise RuntimeError(f"{name}: expected all tensors to be on the same device")
    args, kwargs = tree_map(lambda value: value.here if isinstance(value, Elsewhere) else value, (args, kwargs))
    if kwargs.get("device") is not None:
        elsewhere = torch.device(kwargs["device"]).type == DEVICE
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = func(*args, **kwargs)
    if name.endswith("_") and not name.startswith("_"):
        return leaves[0] if leaves[0].shape == result.shape else Elsewhere(result)  # In place.
    return tree_map(lambda value: Elsewhere(value) if elsewhere and isinstance(value, Tensor) else value, result)
