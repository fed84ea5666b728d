"""Decoded fields on another device, so that a frame stays there from ray to pixel."""

import copy
from enum import Enum
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn

from nerfzip.fields.field import Renderable, RenderedRays
from nerfzip.geometry import Rays


class PlacedField:
    """A copy of a field whose tensors are all on one device.

    Attributes:
        device: where rays are wanted, see `nerfzip.rendering.images.render_image`.
    """

    def __init__(self, field: Renderable, device: str) -> None:
        self.device = torch.device(device)
        self._field: Renderable = _moved(field, self.device, {})

    def render(self, rays: Rays) -> RenderedRays:
        return self._field.render(rays)


def placed(field: Renderable, device: str) -> Renderable:
    """The field where it is to be rendered. Files are decoded on the CPU, to the same tensors on every machine."""
    return field if device == "cpu" else PlacedField(field, device)


def _moved(value: Any, device: torch.device, known: dict[int, Any]) -> Any:
    """`value` with all tensors moved that can be reached through attributes, lists, tuples and dictionaries.

    Args:
        known: what has been moved, by identity, so that what was shared stays shared.
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
    elif hasattr(value, "__dict__") and not isinstance(value, (type, Enum, FunctionType)):
        result = copy.copy(value)
        known[id(value)] = result
        vars(result).update({name: _moved(each, device, known) for name, each in vars(value).items()})
    known[id(value)] = result
    return result
