"""The pictures in the page: a bounded number of decoded test views, the ground truth, and maps of their difference."""

import base64
import functools
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nerfzip.benchmark.ground_truth import ground_truth_folder, kept_views, truth_name
from nerfzip.benchmark.point_files import ROW
from nerfzip.benchmark.row import Row, read_row
from nerfzip.errors import NerfzipError
from nerfzip.report.error_map import colours, error_levels

MOST_PICTURES = 120
"""Decoded views in one page, each with its map of errors; they take some 8 MB and a few seconds."""

MANY_ROWS = 1000
MOST_PICTURES_OF_MANY = 30
"""Decoded views where there are more rows, so that their report is not late for its pictures."""

WIDTH = 480
"""Pixels. Wider pictures are reduced."""

QUALITY = 85
"""Of the WebP encoder, 0 to 100."""


@dataclass(frozen=True)
class View:
    """A test view of a row, by their numbers: the files of the decoded image and of the ground truth.

    `image` is what `Row.image` has of it; `first` is whether no view before it has the same ground truth.
    """

    row: int
    number: int
    image: Mapping[str, Any]
    decoded: Path
    truth: Path
    first: bool


@dataclass(frozen=True)
class Picture:
    """What is in the page of a view, as data URIs; None where a file is missing or damaged.

    `truth` is that of the first view with it alone; `width` and `height` are of the decoded image at full size.
    """

    decoded: str | None = None
    truth: str | None = None
    error: str | None = None
    width: int = 0
    height: int = 0


def most_pictures(rows: int) -> int:
    return MOST_PICTURES if rows <= MANY_ROWS else MOST_PICTURES_OF_MANY


def choose_views(rows: Sequence[Row], folders: Sequence[Path | None]) -> list[View]:
    """The views to show: of the lowest seed of each label, rate and scene, scene by scene.

    They are the kept ones (`ground_truth.kept_views`) of each row, or one of a row if all would be more than
    `most_pictures`, and never more than that.

    Args:
        folders: of the rows, where their images are read about: the rows themselves may be without. None has no views,
            nor has one whose row has gone meanwhile.
    """
    seeds: dict[tuple[str, ...], int] = {}
    for row in rows:
        place = (row.dataset, row.scene, row.label, row.rate)
        seeds[place] = min(row.seed, seeds.get(place, row.seed))
    points = {
        index: folder
        for index, (row, folder) in enumerate(zip(rows, folders, strict=True))
        if folder and row.seed == seeds[row.dataset, row.scene, row.label, row.rate]
    }
    chosen = sorted(
        points, key=lambda index: (rows[index].dataset, rows[index].scene, rows[index].label, rows[index].bytes)
    )
    most = most_pictures(len(rows))
    # Each has at least one view: more rows need not be read.
    with_views = ((index, views) for index in chosen if (views := _kept(points[index])))
    shown = dict(itertools.islice(with_views, most + 1))
    if sum(map(len, shown.values())) > most:
        shown = {index: [views[len(views) // 2]] for index, views in list(shown.items())[:most]}
    seen: set[Path] = set()
    return [
        _view(index, number, image, points[index], rows[index].fingerprint, seen)
        for index, views in shown.items()
        for number, image in views
    ]


def make_picture(view: View) -> Picture:
    """Read the files of a view. The error is that of the images at full size."""
    decoded, truth = _read(view.decoded), _read_truth(view.truth)
    encoded_truth = _encoded(truth) if view.first and truth is not None else None
    if decoded is None:
        return Picture(truth=encoded_truth)
    height, width = decoded.shape[:2]
    error = (
        _encoded(error_levels(decoded, truth), colours())
        if truth is not None and truth.shape == decoded.shape
        else None
    )
    return Picture(_encoded(decoded), encoded_truth, error, width, height)


def colour_bar(stops: int = 17) -> list[str]:
    """Colours of the map of errors from no error to the largest, as in CSS."""
    return [f"rgb({r} {g} {b})" for r, g, b in colours()[np.linspace(0, 255, stops).round().astype(int)]]


def _kept(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    """Numbers and images of a point's kept views; those of training views have no ground truth beside the points."""
    try:
        row = read_row(folder / ROW)
    except NerfzipError:
        return []
    splits = row.images.get("split") or ["test"] * len(row.images.get("file", []))
    tests = [number for number, split in enumerate(splits) if split in ("test", None)]
    return [(tests[place], row.image(tests[place])) for place in kept_views(len(tests))] if tests else []


def _view(index: int, number: int, image: dict[str, Any], folder: Path, fingerprint: str, seen: set[Path]) -> View:
    # The name, and of a video the frame, alone: a row of somebody else's must not lead elsewhere.
    file = Path(image["file"])
    name = f"{file.parent.name}/{file.name}" if file.parent.name.isdecimal() else file.name
    truth = ground_truth_folder(folder.parent, fingerprint) / truth_name(image)
    first = truth not in seen
    seen.add(truth)
    return View(index, number, image, folder / "images" / name, truth, first)


# Views of one scene follow each other.
@functools.lru_cache(maxsize=4)
def _read_truth(path: Path) -> NDArray[np.uint8] | None:
    return _read(path)


def _read(path: Path) -> NDArray[np.uint8] | None:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def _encoded(pixels: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None) -> str:
    image = Image.fromarray(pixels)
    if image.width > WIDTH:
        size = (WIDTH, max(1, round(image.height * WIDTH / image.width)))
        image = image.resize(size, Image.Resampling.HAMMING)
    if palette is not None:
        image = Image.fromarray(palette[np.asarray(image)])
    buffer = io.BytesIO()
    image.save(buffer, format="webp", quality=QUALITY, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
