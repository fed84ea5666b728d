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

    def __init__(self, field: Renderable, device: str, in_half: bool) -> None:
        self.device = torch.device(device)
        moved = on_device(field, device)
        if in_half and hasattr(moved, "store_in_half"):
            moved.store_in_half()
        self._field = CapturedField(moved) if device == "cuda" and can_be_captured(moved) else moved

    def render(self, rays: Rays) -> RenderedRays:
        return self._field.render(rays)


def placed(field: Renderable, device: str, in_half: bool = False) -> Renderable:
    """The field where it is to be rendered. Files are decoded on the CPU, to the same tensors on every machine.

    Args:
        in_half: the copy holds in bfloat16 what its class says may be, see `VoxelField.store_in_half`; measurements
            do not.
    """
    return field if device == "cpu" else PlacedField(field, device, in_half)
