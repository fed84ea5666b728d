"""Where an image differs from another: maps on one fixed scale, and the place of the largest difference."""

import functools

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from nerfzip.report.panels import INK, TEXT_SIZE, Detail

LARGEST_ERROR = 32
"""Of the scale, in levels of 255; what is larger has the last colour. The same in all pictures, so they compare."""
DETAIL_SHARE = 0.25
"""Side of the detail, as a share of the image's shorter side."""

_LEVELS = np.minimum(np.rint(np.arange(3 * 255 + 1) * (255 / (3 * LARGEST_ERROR))), 255).astype(np.uint8)
_BAR = 24  # pixels, its height and the margin around it


@functools.cache
def colours() -> UInt8[np.ndarray, "256 3"]:
    """Of the levels of an error map."""
    from matplotlib import colormaps  # See `figure`.

    return colormaps["inferno"](np.arange(256), bytes=True)[:, :3]


def error_map(image: UInt8[np.ndarray, "height width 3"], truth: UInt8[np.ndarray, "height width 3"]) -> Image.Image:
    """At each pixel the mean over red, green and blue of the absolute error, in the colours of `colour_bar`."""
    return Image.fromarray(colours()[error_levels(image, truth)])


def error_levels(
    image: UInt8[np.ndarray, "height width 3"], truth: UInt8[np.ndarray, "height width 3"]
) -> UInt8[np.ndarray, "height width"]:
    """The mean absolute difference over the channels, 255 at `LARGEST_ERROR` and above."""
    difference = np.maximum(image, truth) - np.minimum(image, truth)
    total = difference[..., 0].astype(np.uint16) + difference[..., 1] + difference[..., 2]
    return _LEVELS[total]


def colour_bar(width: int, height: int) -> Image.Image:
    """What the colours of an error map mean."""
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(TEXT_SIZE)
    length, top = width - 2 * _BAR, max(0, height // 2 - _BAR)
    levels = np.linspace(0, len(colours()) - 1, length).round().astype(np.uint8)
    picture.paste(Image.fromarray(colours()[np.tile(levels, (_BAR, 1))]), (_BAR, top))
    below = top + _BAR + TEXT_SIZE // 4
    draw.text((_BAR, below), "0", fill=INK, font=font, anchor="ma")
    draw.text((_BAR + length // 2, below), f"{LARGEST_ERROR // 2}", fill=INK, font=font, anchor="ma")
    draw.text((_BAR + length, below), f"{LARGEST_ERROR}+", fill=INK, font=font, anchor="ma")
    explained = "absolute error in 8-bit levels, mean of R, G, B"
    draw.text((width // 2, below + 2 * TEXT_SIZE), explained, fill=INK, font=font, anchor="ma")
    return picture


def most_different_detail(
    images: list[UInt8[np.ndarray, "height width 3"]], truth: UInt8[np.ndarray, "height width 3"]
) -> Detail:
    """The square in which the first image differs most, in the sum of squares, from all others.

    Where they do not differ at all, the one in which the first differs most from the ground truth.
    """
    first, *others = (image.astype(np.float64) for image in images)
    difference = np.sum([(first - other) ** 2 for other in others], axis=(0, -1))
    if not difference.any():
        difference = ((first - truth) ** 2).sum(axis=-1)
    height, width = difference.shape
    side = max(1, round(DETAIL_SHARE * min(height, width)))
    # Sums over every square that lies wholly inside, from sums over the rectangles that start in the corner.
    total = np.pad(difference, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    squares = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(int(squares.argmax()), squares.shape)
    return Detail(int(left) / width, int(top) / height, side / width)
