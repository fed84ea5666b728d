"""One test view side by side: the ground truth, then the decoded image of each point, an enlarged detail below.

    python -m benchmarks.comparison_picture FOLDER... --out picture.png [--view 3] [--detail 0.4,0.3,0.25]

A FOLDER is one that `nerfzip run` made. Only what it stored is shown: `row.json` and `images/`; the ground truth is
read from the capture that the rows name.
"""

import argparse
from pathlib import Path

from PIL import Image

from benchmarks._command import as_command
from nerfzip.benchmark.measured_views import test_views
from nerfzip.benchmark.row import read_row
from nerfzip.config import build
from nerfzip.data.scene import Capture, frames_of
from nerfzip.report.panels import Detail, Panel, caption, draw_panels, write_picture


def write_comparison(path: Path, folders: list[Path], capture: Capture, number: int, detail: Detail) -> None:
    """Write the picture of one test view as a PNG, with one column for each folder of a point, as they come.

    Args:
        number: of the view, counted through all frames.
    """
    view = test_views(capture)[number]
    frame = frames_of(capture)[view.frame]
    truth = Image.fromarray(frame.test.image(view.index, frame.background).numpy())
    panels = [Panel("ground truth", f"{truth.width} x {truth.height} pixels", truth)]
    for folder in folders:
        row = read_row(folder / "row.json")
        with Image.open(folder / "images" / view.file) as image:
            note = caption(row.images["psnr"][number], row.bytes)
            panels.append(Panel(f"{row.method} {row.rate}", note, image.convert("RGB")))
    write_picture(path, draw_panels(panels, detail))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    parser.add_argument("--view", type=int, default=0, help="number of the test view, from 0 and through all frames")
    parser.add_argument("--detail", default="0.4,0.4,0.25", help="left, top and side of the enlarged square, 0 to 1")
    arguments = parser.parse_args()
    left, top, side = (float(word) for word in arguments.detail.split(","))
    capture = build(read_row(arguments.folders[0] / "row.json").config["dataset_settings"])
    write_comparison(arguments.out, arguments.folders, capture, arguments.view, Detail(left, top, side))


if __name__ == "__main__":
    as_command(main)
