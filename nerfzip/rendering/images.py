"""Whole images of a field, in chunks of rays."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from nerfzip.errors import NerfzipError
from nerfzip.fields.field import Renderable
from nerfzip.files import write_atomically
from nerfzip.geometry import Cameras
from nerfzip.progress import track
from nerfzip.stopwatch import stopwatch

RAYS_PER_CHUNK = 2**14
"""Bounds memory: a field that runs a network for each of 100 samples a ray holds 1.6 million activations at once."""
RAYS_PER_CHUNK_ON_CUDA = 2**17


@dataclass(frozen=True)
class RenderedImage:
    """One view of a field; `seconds` is the time it took, the transfer from the device included."""

    pixels: UInt8[Tensor, "height width 3"]
    seconds: float


def render_image(
    field: Renderable, cameras: Cameras, camera_index: int, rays_per_chunk: int | None = None
) -> Float[Tensor, "height width 3"]:
    """The colours of one view in [0, 1], on the field's background, in main memory.

    If the field has a `device`, the view is made there.

    Args:
        rays_per_chunk: at most; None is what suits the device.

    Raises:
        NerfzipError: a colour is NaN or infinite.
    """
    return _rendered(field, cameras, camera_index, rays_per_chunk).cpu()


def render_pixels(
    field: Renderable, cameras: Cameras, camera_index: int, rays_per_chunk: int | None = None
) -> UInt8[Tensor, "height width 3"]:
    """As `render_image`, rounded to 8 bits where the view is made."""
    rgb = _rendered(field, cameras, camera_index, rays_per_chunk)
    return (rgb * 255).round().to(torch.uint8).cpu()


def render_images(field: Renderable, cameras: Cameras, rays_per_chunk: int | None = None) -> Iterator[RenderedImage]:
    """All views in turn, rounded to 8 bits."""
    for index in track(range(len(cameras)), "render", len(cameras)):
        with stopwatch() as elapsed:
            pixels = render_pixels(field, cameras, index, rays_per_chunk)
        yield RenderedImage(pixels, elapsed.seconds)


@torch.no_grad()
def _rendered(
    field: Renderable, cameras: Cameras, camera_index: int, rays_per_chunk: int | None
) -> Float[Tensor, "height width 3"]:
    """A view in [0, 1] on the field's device."""
    device = getattr(field, "device", cameras.device)
    rays = cameras.to(device).image_rays(camera_index)
    if rays_per_chunk is None:
        rays_per_chunk = RAYS_PER_CHUNK_ON_CUDA if device.type == "cuda" else RAYS_PER_CHUNK
    # Chunks of one size, as far as it goes: each size of them is captured on its own (`nerfzip.fields.captured`).
    chunks = math.ceil(len(rays) / rays_per_chunk)
    size = math.ceil(len(rays) / chunks)
    rgb = torch.cat([field.render(rays[start : start + size]).rgb for start in range(0, len(rays), size)])
    if not bool(torch.isfinite(rgb).all()):
        raise NerfzipError(f"view {camera_index}: the field renders NaN or infinite colours")
    return rgb.reshape(cameras.height, cameras.width, 3).clamp(0, 1)


def image_name(index: int) -> str:
    """The file name of a rendered view."""
    return f"{index:03d}.png"


def write_png(path: Path, pixels: UInt8[Tensor, "height width 3"]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(buffer, format="png")
    write_atomically(path, buffer.getvalue())


def read_png(path: Path) -> UInt8[Tensor, "height width 3"]:
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB")))
