"""One view side by side: a column for the ground truth and for each decoded image, an enlarged detail below."""

import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from nerfzip.files import write_atomically

PANEL_WIDTH = 200
"""Pixels, unless asked otherwise."""
GAP = 8
TEXT_SIZE = 16
INK, PALE, MARK = (20, 20, 20), (100, 100, 100), (220, 40, 40)


class Detail(NamedTuple):
    """A square of the view: left and side as parts of its width, top as a part of its height."""

    left: float
    top: float
    side: float


class Panel(NamedTuple):
    """A column of the picture. `error` is drawn between the view and its detail; where one panel has it, all have."""

    title: str
    note: str
    image: Image.Image
    error: Image.Image | None = None


def draw_panels(panels: list[Panel], detail: Detail, panel_width: int = PANEL_WIDTH) -> Image.Image:
    """Title, view, error, detail and note of each panel, the panels from left to right."""
    view_height = round(panel_width * panels[0].image.height / panels[0].image.width)
    line = round(1.5 * TEXT_SIZE)
    error_height = view_height + GAP if panels[0].error else 0
    width = len(panels) * (panel_width + GAP) + GAP
    picture = Image.new("RGB", (width, 2 * line + view_height + error_height + panel_width + 3 * GAP), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(TEXT_SIZE)
    for column, panel in enumerate(panels):
        x, y = GAP + column * (panel_width + GAP), GAP
        middle = x + panel_width // 2
        title = _fitting(draw, panel.title, panel_width, font)
        draw.text((middle, y), title, fill=INK, font=font, anchor="ma")
        y += line
        picture.paste(panel.image.resize((panel_width, view_height), Image.Resampling.LANCZOS), (x, y))
        left, top, right, bottom = _square(detail, panel_width, view_height)
        draw.rectangle((x + left, y + top, x + right, y + bottom), outline=MARK, width=2)
        y += view_height + GAP
        if panel.error:
            picture.paste(panel.error.resize((panel_width, view_height), Image.Resampling.BOX), (x, y))
            y += error_height
        # Pixels stay visible: an interpolated detail would look better than what was decoded.
        enlarged = panel.image.crop(_square(detail, *panel.image.size))
        picture.paste(enlarged.resize((panel_width, panel_width), Image.Resampling.NEAREST), (x, y))
        draw.rectangle((x, y, x + panel_width - 1, y + panel_width - 1), outline=MARK, width=2)
        draw.text((middle, y + panel_width + GAP), panel.note, fill=PALE, font=font, anchor="ma")
    return picture


def caption(psnr: float, size: int) -> str:
    """The PSNR of a view in dB, and the size of its file in bytes."""
    return f"{psnr:.2f} dB · {size_text(size)}"


def size_text(size: float) -> str:
    """Of a number of bytes."""
    if size < 1e3:
        return f"{size:.0f} B"
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a PNG.

    Raises:
        NerfzipError: it can't be written.
    """
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    write_atomically(path, buffer.getvalue())


def _fitting(
    draw: ImageDraw.ImageDraw, text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> str:
    """The text, or as much of its start as is no wider."""
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(f"{text}...", font) > width:
        text = text[:-1]
    return f"{text}..."


def _square(detail: Detail, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the detail in an image of that size."""
    left, top, side = round(detail.left * width), round(detail.top * height), round(detail.side * width)
    return left, top, left + side, top + side
