"""One test view side by side: the ground truth, then the decoded image of each point, an enlarged detail below.

    python -m benchmarks.comparison_picture FOLDER... --out picture.png [--view 3] [--detail 0.4,0.3,0.25]

A FOLDER is one that `nerfzip run` made. Only what it stored is shown: `row.json` and `images/`; the ground truth is
read from the capture that the rows name.
"""

import argparse
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from nerfzip.benchmark.row import Row, read_row
from nerfzip.config import build
from nerfzip.data.scene import Scene
from nerfzip.files import write_atomically
from nerfzip.rendering.images import image_name

PANEL_WIDTH = 200
GAP = 8
TEXT_SIZE = 16
INK, PALE, MARK = (20, 20, 20), (100, 100, 100), (220, 40, 40)


class Detail(NamedTuple):
    """A square of the view: left and side as parts of its width, top as a part of its height."""

    left: float
    top: float
    side: float


class Panel(NamedTuple):
    """A column of the picture."""

    title: str
    note: str
    image: Image.Image


def write_comparison(path: Path, folders: list[Path], scene: Scene, view: int, detail: Detail) -> None:
    """Write the picture of one test view as a PNG, with one column for each folder of a point, as they come."""
    truth = Image.fromarray(scene.test.image(view, scene.background).numpy())
    panels = [Panel("ground truth", f"{truth.width} x {truth.height} pixels", truth)]
    for folder in folders:
        row = read_row(folder / "row.json")
        with Image.open(folder / "images" / image_name(view)) as image:
            panels.append(Panel(f"{row.method} {row.rate}", _note(row, view), image.convert("RGB")))
    buffer = io.BytesIO()
    draw_panels(panels, detail).save(buffer, format="png", optimize=True)
    write_atomically(path, buffer.getvalue())


def draw_panels(panels: list[Panel], detail: Detail) -> Image.Image:
    """Title, view, detail and note of each panel, the panels from left to right."""
    view_height = round(PANEL_WIDTH * panels[0].image.height / panels[0].image.width)
    line = round(1.5 * TEXT_SIZE)
    width = len(panels) * (PANEL_WIDTH + GAP) + GAP
    picture = Image.new("RGB", (width, 2 * line + view_height + PANEL_WIDTH + 3 * GAP), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(TEXT_SIZE)
    for column, panel in enumerate(panels):
        x, y = GAP + column * (PANEL_WIDTH + GAP), GAP
        middle = x + PANEL_WIDTH // 2
        draw.text((middle, y), panel.title, fill=INK, font=font, anchor="ma")
        y += line
        picture.paste(panel.image.resize((PANEL_WIDTH, view_height), Image.Resampling.LANCZOS), (x, y))
        left, top, right, bottom = _square(detail, PANEL_WIDTH, view_height)
        draw.rectangle((x + left, y + top, x + right, y + bottom), outline=MARK, width=2)
        y += view_height + GAP
        # Pixels stay visible: an interpolated detail would look better than what was decoded.
        enlarged = panel.image.crop(_square(detail, *panel.image.size))
        picture.paste(enlarged.resize((PANEL_WIDTH, PANEL_WIDTH), Image.Resampling.NEAREST), (x, y))
        draw.rectangle((x, y, x + PANEL_WIDTH - 1, y + PANEL_WIDTH - 1), outline=MARK, width=2)
        draw.text((middle, y + PANEL_WIDTH + GAP), panel.note, fill=PALE, font=font, anchor="ma")
    return picture


def _note(row: Row, view: int) -> str:
    size = f"{row.bytes / 1e6:.1f} MB" if row.bytes >= 1e6 else f"{row.bytes / 1e3:.0f} kB"
    return f"{row.images[view]['psnr']:.2f} dB · {size}"


def _square(detail: Detail, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the detail in an image of that size."""
    left, top, side = round(detail.left * width), round(detail.top * height), round(detail.side * width)
    return left, top, left + side, top + side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    parser.add_argument("--view", type=int, default=0, help="number of the test view, from 0")
    parser.add_argument("--detail", default="0.4,0.4,0.25", help="left, top and side of the enlarged square, 0 to 1")
    arguments = parser.parse_args()
    left, top, side = (float(word) for word in arguments.detail.split(","))
    scene = build(read_row(arguments.folders[0] / "row.json").config["dataset_settings"])
    write_comparison(arguments.out, arguments.folders, scene, arguments.view, Detail(left, top, side))


if __name__ == "__main__":
    main()
