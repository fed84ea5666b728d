"""Assembles the page: a Jinja template with styles, scripts, data and pictures all in one file."""

import base64
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from nerfzip.benchmark.row import Row
from nerfzip.report.error_map import LARGEST_ERROR
from nerfzip.report.extent import Extent
from nerfzip.report.literature import PaperPoint
from nerfzip.report.metric import METRICS
from nerfzip.report.page.curves import page_charts, page_labels
from nerfzip.report.page.pictures import (
    QUALITY,
    WIDTH,
    Picture,
    View,
    colour_bar,
    most_pictures,
)
from nerfzip.report.page.provenance import provenance
from nerfzip.report.page.rows import page_rows, page_views
from nerfzip.report.series import in_order_of_appearance
from nerfzip.report.table import Number, Table, number_text, places
from nerfzip.report.table_formats import comma_separated

MOST_LINES = 500
"""Of a table in the page; the link to its CSV has all."""

_FOLDER = Path(__file__).parent
_SCRIPTS = ("dom", "marks", "scales", "card", "chart", "curves", "viewer", "tables", "theme")
"""Each may use what those before it define."""


@dataclass(frozen=True)
class Content:
    """What the page shows.

    Attributes:
        rows: with the labels of the report.
        data: of these rows, by `page_data`.
        tables: by name.
        remarks: what a reader must know.
        views, pictures: what `pictures.choose_views` chose and `make_picture` made of it.
    """

    rows: Sequence[Row]
    data: Mapping[str, Any]
    tables: Mapping[str, Table]
    remarks: Sequence[str]
    views: Sequence[View]
    pictures: Sequence[Picture]


def page_data(
    rows: Sequence[Row],
    originals: Sequence[Row],
    frame: pd.DataFrame,
    extent: Extent,
    metric: str,
    papers: Mapping[str, Sequence[PaperPoint]],
) -> dict[str, Any]:
    """What the scripts of the page are given of rows and curves: the part that waits for no table and no picture.

    Args:
        rows: with the labels of the report.
        originals: the same rows with the labels that they were made with.
        frame: one line for each row.
        extent: of complete results.
        metric: the one that is shown first.
        papers: for each data set the points of papers that its average may be compared with.
    """
    metrics = [each for each in METRICS.values() if each.name in frame and frame[each.name].notna().any()]
    labels = in_order_of_appearance(frame)
    return {
        "metrics": [
            {
                "name": each.name,
                "heading": each.heading,
                "unit": each.unit,
                "decimals": each.decimals,
                "better": "higher" if each.higher_is_better else "lower",
            }
            for each in metrics
        ],
        "metric": [each.name for each in metrics].index(metric),
        "labels": page_labels(labels),
        "charts": page_charts(frame, extent, metrics, labels, papers),
        **page_rows(rows, originals, metrics, labels),
    }


def page(content: Content) -> str:
    """The HTML of the page. Texts from rows are escaped wherever they stand."""
    template, styles, *scripts = page_files()
    return (
        _environment()
        .get_template(template.name)
        .render(
            extent=content.tables["results"].title.removeprefix("Results, "),
            tables=[_table(name, table) for name, table in content.tables.items()],
            remarks=content.remarks,
            provenance=provenance(content.rows),
            data={**content.data, "picture_width": WIDTH, "pictures": _pictures(content)},
            picture_note=picture_note(content),
            error_scale=LARGEST_ERROR,
            colour_bar=colour_bar(),
            styles=styles.read_text(),
            scripts="\n".join(script.read_text() for script in scripts),
        )
    )


def page_files() -> list[Path]:
    """The template, the styles and the scripts, in the order in which they are read."""
    return [_FOLDER / "page.html", _FOLDER / "page.css", *(_FOLDER / "scripts" / f"{name}.js" for name in _SCRIPTS)]


def picture_note(content: Content) -> str:
    """How many rows have pictures in the page, and what was done to them."""
    shown = {view.row for view, picture in zip(content.views, content.pictures, strict=True) if picture.decoded}
    if not shown:
        return "There are no pictures: the folders of the points, with their images, are not there."
    chosen = f"Pictures are of {len(shown):,} of {len(content.rows):,} points"
    if len(shown) < len(content.rows):
        chosen += f": of the lowest seed, scene by scene, at most {most_pictures(len(content.rows))} in all"
    return (
        f"{chosen}. They are WebP files of quality {QUALITY}, reduced to {WIDTH} pixels where they are wider. "
        "Sizes, metrics and error maps are those of the original images."
    )


def _pictures(content: Content) -> list[dict[str, Any]]:
    metrics = [METRICS[metric["name"]] for metric in content.data["metrics"]]
    return page_views(content.rows, content.views, content.pictures, metrics)


def _table(name: str, table: Table) -> dict[str, Any]:
    """As the template needs it: the columns, and for each cell its text, what it is sorted by, rank and mark."""
    ranks, notes = places(table), table.notes()
    marks = {note: number for number, note in enumerate(notes, start=1)}
    lines = []
    for index, row in enumerate(table.rows[:MOST_LINES]):
        cells: list[tuple[str, str | None, int, int]] = []
        for position, (cell, column) in enumerate(zip(row.cells, table.columns, strict=True)):
            if isinstance(cell, Number):
                text, order = number_text(cell, column), "" if isnan(cell.value) else repr(float(cell.value))
                cells.append((text, order, ranks.get((index, position), 0), marks.get(cell.note, 0)))
            else:
                cells.append((cell, None, 0, 0))
        lines.append(cells)
    return {
        "name": name,
        "title": table.title,
        "columns": [(column.title, table.is_numeric(place)) for place, column in enumerate(table.columns)],
        "lines": lines,
        "left_out": max(0, len(table.rows) - MOST_LINES),
        "notes": notes,
        "csv": base64.b64encode(comma_separated(table).encode()).decode(),
    }


@functools.cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(_FOLDER)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment
