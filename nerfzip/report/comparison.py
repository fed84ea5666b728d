"""Files side by side against the ground truth of a capture: tables, pictures, and compare.json with everything."""

import itertools
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nerfzip.benchmark.decoding import read_bitstream
from nerfzip.benchmark.environment import commit, library_versions
from nerfzip.benchmark.measured_file import check_test_images, measure_file
from nerfzip.benchmark.measured_views import test_views
from nerfzip.benchmark.point_files import ROW
from nerfzip.benchmark.row import read_row
from nerfzip.data.scene import Capture, frames_of
from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.files import check_writable, write_atomically
from nerfzip.rendering.images import image_name, read_png
from nerfzip.report.comparison_tables import ComparedFile, comparison_tables, difference
from nerfzip.report.error_map import LARGEST_ERROR, colour_bar, error_map, most_different_detail
from nerfzip.report.panels import Panel, caption, draw_panels, write_picture
from nerfzip.report.table import Table
from nerfzip.report.table_formats import FORMATS

FILE = "compare.json"
SCHEMA = 1
PANEL_WIDTH = 400
"""Pixels, of each column of a picture."""


@dataclass(frozen=True)
class Comparison:
    """What was found and written.

    Attributes:
        views: those that have a picture.
        remarks: what a reader of the tables must know.
    """

    tables: dict[str, Table]
    written: list[Path]
    views: list[int]
    remarks: list[str]


def compare_files(
    paths: Sequence[Path], scene: Capture, out: Path, device: str, views: Sequence[int] | None = None
) -> Comparison:
    """Decode each file in a process of its own, measure its test views, and write the comparison to the folder `out`.

    Args:
        views: the test views to draw, from 0 (of a volumetric video, frame by frame); by default the one at which the
            PSNRs differ most.

    Raises:
        ConfigError: fewer than two files, or a view that the scene does not have.
        NerfzipError: a file can't be read, decoded or measured, or `out` can't be written.
    """
    if len(paths) < 2:
        raise ConfigError(f"{len(paths)} file, expected at least two to compare")
    count = len(test_views(scene))
    for view in views or []:
        if view >= count:
            raise ConfigError(f"view {view}: expected 0 to {count - 1}, a test view of {scene.name}")
    for path in paths:
        read_bitstream(path)  # Damage is found before the first of them is decoded.
    check_writable(out / FILE)
    check_test_images(scene)
    with tempfile.TemporaryDirectory(prefix="nerfzip-compare-") as folder:
        renders = [Path(folder) / str(number) for number in range(len(paths))]
        measured = [measure_file(path, scene, render, device) for path, render in zip(paths, renders, strict=True)]
        names = short_names(paths)
        files = [
            ComparedFile(number, name, path, _uncompressed_bytes(path, found.digest), found)
            for number, (name, path, found) in enumerate(zip(names, paths, measured, strict=True), start=1)
        ]
        drawn = list(dict.fromkeys(views)) if views else [_view_that_differs_most(files)]
        pictures = [_write_picture(out, files, renders, scene, view) for view in drawn]
    remarks = _same_files(files)
    tables = comparison_tables(files, f"{scene.name}, {count} test views")
    written = [out / picture["file"] for picture in pictures]
    for name, table in tables.items():
        for ending, text in FORMATS.items():
            written.append(out / f"{name}.{ending}")
            write_atomically(written[-1], text(table).encode())
    written.append(out / FILE)
    write_atomically(written[-1], json.dumps(_everything(files, scene, pictures, remarks), indent=2).encode())
    return Comparison(tables, written, drawn, remarks)


def short_names(paths: Sequence[Path]) -> list[str]:
    """The ends of the paths, all of one length, the shortest that tells different ones apart."""
    parts = [path.absolute().parts for path in paths]
    candidates = ([Path(*part[-length:]).as_posix() for part in parts] for length in itertools.count(1))
    return next(names for names in candidates if len(set(names)) == len(set(parts)))


def _uncompressed_bytes(path: Path, digest: str) -> int | None:
    """What the row that `nerfzip run` left beside the file says; a file alone does not tell."""
    try:
        row = read_row(path.parent / ROW)
    except NerfzipError:
        return None
    return row.uncompressed_bytes if row.digest == digest else None


def _view_that_differs_most(files: list[ComparedFile]) -> int:
    quality = np.array([[image["psnr"] for image in file.measured.images] for file in files])
    return int(np.ptp(quality, axis=0).argmax())


def _write_picture(
    out: Path, files: list[ComparedFile], renders: list[Path], scene: Capture, view: int
) -> dict[str, Any]:
    """Draw one view; returns what compare.json says of the picture, the detail in pixels of the view."""
    shown = test_views(scene)[view]
    truth = frames_of(scene)[shown.frame].test.image(shown.index, scene.background).numpy()
    images = [read_png(render / "images" / shown.file).numpy() for render in renders]
    detail = most_different_detail(images, truth)
    height, width = truth.shape[:2]
    bar = colour_bar(PANEL_WIDTH, round(PANEL_WIDTH * height / width))
    panels = [Panel("ground truth", f"{shown.name}, {width} x {height}", Image.fromarray(truth), bar)]
    for file, image in zip(files, images, strict=True):
        note = caption(file.measured.images[view]["psnr"], file.measured.bytes)
        panels.append(Panel(f"{file.number}  {file.name}", note, Image.fromarray(image), error_map(image, truth)))
    name = f"view_{image_name(view)}"
    write_picture(out / name, draw_panels(panels, detail, PANEL_WIDTH))
    corner = {"left": round(detail.left * width), "top": round(detail.top * height)}
    return {
        "view": view,
        "name": shown.name,
        "file": name,
        "detail": corner | {"side": round(detail.side * width)},
        "largest_error": LARGEST_ERROR,
    }


def _same_files(files: list[ComparedFile]) -> list[str]:
    remarks = []
    for a, b in itertools.combinations(files, 2):
        if a.path.samefile(b.path):
            remarks.append(f"{a.number} and {b.number} are one file, given twice: {a.path}")
        elif a.path.read_bytes() == b.path.read_bytes():
            remarks.append(f"{a.number} and {b.number} hold the same bytes")
    return remarks


def _everything(
    files: list[ComparedFile], scene: Capture, pictures: list[dict[str, Any]], remarks: list[str]
) -> dict[str, Any]:
    first, *others = files
    return {
        "schema": SCHEMA,
        "scene": {"name": scene.name, "fingerprint": scene.fingerprint, "test_views": len(test_views(scene))},
        "files": [
            {
                "number": file.number,
                "name": file.name,
                "path": str(file.path.absolute()),
                "uncompressed_bytes": file.uncompressed_bytes,
                **asdict(file.measured),
            }
            for file in files
        ],
        "differences": [{"of": file.number, "to": first.number, **difference(file, first)} for file in others],
        "pictures": pictures,
        "remarks": remarks,
        "commit": commit(),
        "libraries": library_versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
