"""Decoded fields on another device, so that a frame stays there from ray to pixel."""

import torch

from nerfzip.fields.captured import CapturedField, can_be_captured
from nerfzip.fields.field import Renderable, RenderedRays
from nerfzip.geometry import Rays
from nerfzip.on_device import on_device


class PlacedField:
    """A copy of a field whose tensors are all on one device.

    Attributes:
        device: where rays are wanted, see `nerfzip.rendering.images.render_image`.
    """

    def __init__(self, field: Renderable, device: str) -> None:
        self.device = torch.device(device)
        moved = on_device(field, device)
        if device == "cuda" and hasattr(moved, "store_in_half"):
            moved.store_in_half()
        self._field = CapturedField(moved) if device == "cuda" and can_be_captured(moved) else moved

    def render(self, rays: Rays) -> RenderedRays:
        return self._field.render(rays)


def placed(field: Renderable, device: str) -> Renderable:
    """The field where it is to be rendered. Files are decoded on the CPU, to the same tensors on every machine."""
    return field if device == "cpu" else PlacedField(field, device)
