"""Image files as straight-alpha float32 RGBA, and filters that respect alpha."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from nerfzip.errors import CaptureError

Rgba = Float[np.ndarray, "height width 4"]
Mask = Float[np.ndarray, "height width"]

MODES = ("RGBA", "RGB", "LA", "L", "P")
"""Pillow's names of the 8-bit pixel formats whose conversion to RGBA loses nothing."""

MASK_MODES = ("1", "L")
"""Pixels of one bit, and of 8 bits between background (0) and foreground (255)."""

SMALLEST_ALPHA = 1e-8


def image_size(path: Path, modes: Sequence[str] = MODES) -> tuple[int, int]:
    """Width and height from the file's header; the pixels are not decoded.

    Raises:
        CaptureError: there is no such file, it is no image, or its pixel format is none of `modes`.
    """
    with _open(path, modes) as image:
        return image.size


def check_size(path: Path, width: int, height: int, modes: Sequence[str] = MODES) -> None:
    """Raise CaptureError unless the header of the image at `path` says `width`×`height` and one of `modes`."""
    found = image_size(path, modes)
    if found != (width, height):
        raise CaptureError(f"{path}: the image is {found[0]}×{found[1]} pixels, expected {width}×{height}")


def read_rgba(path: Path, width: int, height: int) -> Rgba:
    """Decode one image to [0, 1]; alpha is 1 where the file has none.

    Raises:
        CaptureError: the file is missing, truncated, otherwise damaged, or of another size.
    """
    return _read(path, width, height, MODES, "RGBA").astype(np.float32) / 255


def read_rgb(path: Path, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
    """Decode one image without its alpha, as 8-bit integers. Errors are `read_rgba`'s."""
    return _read(path, width, height, MODES, "RGB")


def read_mask(path: Path, width: int, height: int) -> Mask:
    """Decode a mask to [0, 1]: one of 1 bit to 0 and 1, one of 8 bits (grey) to 255ths. Errors are `read_rgba`'s."""
    return _read(path, width, height, MASK_MODES, "L").astype(np.float32) / 255


def with_alpha(rgba: Rgba, mask: Mask) -> Rgba:
    """The image with a mask for its alpha."""
    masked = rgba.copy()
    masked[..., 3] = mask
    return masked


def downscale_rgba(rgba: Rgba, factor: int) -> Rgba:
    """Average blocks of `factor`×`factor` pixels, as a sensor with larger pixels would see them.

    Colour is averaged in proportion to alpha, so the invisible colour of transparent pixels does not bleed in. Columns
    on the right and rows at the bottom that do not fill a block are left out; what remains keeps its coordinates
    (divided by `factor`), so the intrinsics need no other change.
    """
    if factor == 1:
        return rgba
    return filter_premultiplied(rgba, lambda image: block_means(image, factor))


def filter_premultiplied(rgba: Rgba, linear_filter: Callable[[Rgba], Rgba]) -> Rgba:
    """Apply a linear filter to a straight-alpha image by way of premultiplied colour. Clear pixels become black."""
    if rgba[..., 3].min() == 1:
        return linear_filter(rgba).clip(0, 1)
    premultiplied = rgba.copy()
    premultiplied[..., :3] *= rgba[..., 3:]
    filtered = linear_filter(premultiplied)
    # A clear pixel is 0/0; the smallest alpha that is not clear is far above this bound.
    filtered[..., :3] /= np.maximum(filtered[..., 3:], SMALLEST_ALPHA)
    return filtered.clip(0, 1)


def block_means(image: Float[np.ndarray, "height width channels"], factor: int) -> Float[np.ndarray, "h w channels"]:
    """Means of blocks of `factor`×`factor` pixels; what fills no block on the right and at the bottom is left out."""
    height, width = image.shape[0] // factor * factor, image.shape[1] // factor * factor
    # Sums of strided slices: several times faster than a mean over axes of a reshaped array.
    rows = np.add.reduce([image[offset:height:factor] for offset in range(factor)])
    total = np.add.reduce([rows[:, offset:width:factor] for offset in range(factor)])
    return total / np.float32(factor**2)


def _read(path: Path, width: int, height: int, modes: Sequence[str], mode: str) -> UInt8[np.ndarray, "..."]:
    check_size(path, width, height, modes)
    with _open(path, modes) as image:
        try:
            return np.asarray(image.convert(mode))
        except Exception as error:  # Pillow's decoders raise almost anything on damaged data.
            raise CaptureError(f"{path}: the image is truncated or damaged: {error}") from error


def _open(path: Path, modes: Sequence[str]) -> Image.Image:
    if not path.is_file():
        raise CaptureError(f"{path}: no such image file")
    try:
        image = Image.open(path)
    except Exception as error:  # As above.
        raise CaptureError(f"{path}: not an image that can be read: {error}") from error
    if image.mode not in modes:
        image.close()
        raise CaptureError(f"{path}: pixels of Pillow's mode {image.mode}, expected one of {', '.join(modes)}")
    return image
