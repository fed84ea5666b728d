"""The whole report: from rows to tables and figures in a folder."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nerfzip.benchmark.row import Row
from nerfzip.benchmark.store import frame as frame_of
from nerfzip.errors import ConfigError
from nerfzip.files import check_writable
from nerfzip.progress import track
from nerfzip.registry import check_name
from nerfzip.report.ablation import ablation_table
from nerfzip.report.anchor import Anchor, find_anchor
from nerfzip.report.averages import average_over_scenes, noted
from nerfzip.report.bars import ALL_OTHERS, MOST_BARS, draw_groups, draw_shares
from nerfzip.report.bd_papers import PaperCurves
from nerfzip.report.bd_table import bd_table
from nerfzip.report.curves import draw_curves
from nerfzip.report.extent import Extent, extent_of
from nerfzip.report.figure import rendered
from nerfzip.report.incomplete import Incomplete
from nerfzip.report.literature import PaperPoint, comparable, paper_curves, paper_points
from nerfzip.report.metric import METRICS
from nerfzip.report.page.page import Content, page, page_data
from nerfzip.report.page.pictures import choose_views, make_picture
from nerfzip.report.point_table import point_table
from nerfzip.report.remarks import curve_remarks, listed
from nerfzip.report.results import KEYS, component_shares, components_table, results_table
from nerfzip.report.series import in_order_of_appearance, name_captures, name_variants, newest_of_each_point
from nerfzip.report.table import Table
from nerfzip.report.table_formats import FORMATS
from nerfzip.report.workers import workers
from nerfzip.report.written import remove_stale, write_listed

MOST_SCENES = 12
"""A report with more scenes has curves of the averages alone, unless they are asked for."""

SMALLEST_SHARE = 2
"""Percent. Components that are smaller in every file are one part of the bars; the table has each."""

_DEVIATION = "deviation"
_TIMES = {"seconds_compress": "compress", "seconds_decompress": "decode", "seconds_render": "render a view"}
_MEMORY = {"peak_memory_encode": "encode", "peak_memory_decode": "decode"}


@dataclass(frozen=True)
class ReportSettings:
    """What to report.

    Attributes:
        anchor: the label that Bjøntegaard differences are taken to, or LABEL/RATE for differences to this one point;
            None for none. A label of this name comes before a point.
        metric: what the curves and the differences are on.
        interpolation: of the differences, a name of `bjontegaard.INTERPOLATIONS`.
        ablation: a rate of the anchor, to compare with the rows that differ from it by one setting; None for none.
        with_papers: whether curves of papers enter the differences.
        every_scene: whether to draw the curves of each scene, however many there are.
    """

    anchor: str | None = None
    metric: str = "psnr"
    interpolation: str = "pchip"
    ablation: str | None = None
    with_papers: bool = False
    every_scene: bool = False


@dataclass
class Report:
    """What was written, the tables by name, and what a reader of them must know."""

    files: list[Path] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def write_report(
    rows: list[Row],
    out: Path,
    settings: ReportSettings,
    folders: list[Path] | None = None,
    missing: Incomplete | None = None,
    pool: Executor | None = None,
) -> Report:
    """Write tables (.md, .csv, .tex), figures (.png, .svg, .pdf) and one interactive page (.html) to the folder `out`.

    What an earlier report wrote there and this one does not is removed; nothing else is.

    Args:
        folders: of the points that the rows are of, for the pictures of the page; without them it has none.
        missing: what is known of points without a row; averages that lack one say so.
        pool: of `workers`, if they were started before the rows were read.

    Raises:
        NerfzipError: no row has the anchor, the metric or the rate of the ablation; the anchor is a point, but papers
            were asked for; or `out` can't be written.
    """
    check_writable(out / "results.md")
    missing = missing or Incomplete()
    report = Report(remarks=list(missing.remarks))
    newest = newest_of_each_point(rows)
    if len(newest) < len(rows):
        report.remarks.append(f"{len(rows) - len(newest)} rows of points that were made again later are left out")
    folder_of = {id(row): folder for row, folder in zip(rows, folders or [], strict=folders is not None)}
    rows = name_variants(name_captures(newest))
    report.remarks += curve_remarks(newest, rows)
    frame = frame_of(rows)
    # The rows' names may have more in them: a planned scene that has a row is there already.
    stored = {(row.dataset, row.scene) for row in newest}
    extent = extent_of(frame, missing.planned, stored)
    check_name("metric", settings.metric, [name for name in METRICS if name in frame and frame[name].notna().any()])
    points, reduced = paper_points(), _reduced(rows)
    papers = _paper_curves(points, reduced, extent, settings, report) if settings.with_papers else {}
    anchor = find_anchor(settings.anchor, frame, papers) if settings.anchor is not None else None
    if anchor and anchor.rate is not None and settings.with_papers:
        raise ConfigError(f"--with-papers: expected an anchor that is a curve, found the point {settings.anchor}")
    with nullcontext(pool) if pool else workers(settings.anchor is not None) as pool:
        # What takes long is begun first, and waited for when all else is done.
        differences = {}
        if anchor and anchor.rate is None:
            what = (anchor.label, settings.metric, settings.interpolation)
            differences["bd"] = pool.submit(bd_table, frame, *what, papers, extent)
            on_training_views = f"{settings.metric}_train"
            if _can_be_compared(frame, anchor.label, on_training_views):
                what = (anchor.label, on_training_views, settings.interpolation)
                differences["bd_train"] = pool.submit(bd_table, frame, *what, None, extent)
        figures = [*_curves(points, reduced, frame, extent, settings, report), *_bars(frame, extent, report)]
        views = choose_views(rows, [folder_of.get(id(row)) for row in newest])
        drawing = pool.map(_rendered, figures)
        making = pool.map(make_picture, views)
        beside = _papers_of_page(points, reduced, extent)
        data = page_data(rows, newest, frame, extent, settings.metric, beside)
        report.tables = _tables(rows, frame, extent, anchor, settings.ablation, differences)
        for name, table in report.tables.items():
            for ending, text in FORMATS.items():
                _write(report, out / f"{name}.{ending}", text(table).encode())
        drawn = track(drawing, "draw", len(figures))
        for (name, *_), files in zip(figures, drawn, strict=True):
            for ending, image in files.items():
                _write(report, out / f"{name}.{ending}", image)
        pictures = list(track(making, "pictures", len(views)))
    content = Content(rows, data, report.tables, tuple(report.remarks), views, pictures)
    _write(report, out / "report.html", page(content).encode())
    remove_stale(out, report.files)
    return report


def _can_be_compared(frame: pd.DataFrame, anchor: str, metric: str) -> bool:
    """Whether the anchor has the metric, and another label too."""
    if metric not in frame:
        return False
    having = set(frame["label"][frame[metric].notna()])
    return anchor in having and len(having) > 1


def _rendered(figure: tuple[Any, ...]) -> dict[str, bytes]:
    _, draw, *arguments = figure
    return rendered(draw, *arguments)


def _tables(
    rows: list[Row],
    frame: pd.DataFrame,
    extent: Extent,
    anchor: Anchor | None,
    ablation: str | None,
    differences: dict[str, Future[Table]],
) -> dict[str, Table]:
    tables = {"results": results_table(frame, extent), "components": components_table(frame, extent)}
    tables |= {name: table.result() for name, table in differences.items()}
    if anchor and anchor.rate is not None:
        tables["differences"] = point_table(frame, anchor.label, anchor.rate, extent)
    if anchor and ablation is not None:
        tables["ablation"] = ablation_table(rows, frame, anchor.label, ablation, extent)
    return tables


def _curves(
    papers: list[PaperPoint],
    reduced: set[str],
    frame: pd.DataFrame,
    extent: Extent,
    settings: ReportSettings,
    report: Report,
) -> Iterator[tuple[Any, ...]]:
    """File name, drawing function and its arguments for each data set's average and each scene."""
    metric = METRICS[settings.metric]
    columns = ["bytes", metric.name]
    labels = in_order_of_appearance(frame)
    scenes = extent.scenes
    over_scenes = average_over_scenes(frame, KEYS, columns, extent)
    averages = _with_deviation(over_scenes.means, over_scenes.deviations, metric.name)
    if gaps := [noted(key[1:], gap) for key, gap in over_scenes.gaps.items() if gap]:
        report.remarks.append(f"averages are not over all scenes and seeds: {listed(gaps, '; ')}")
    several = len(scenes) > 1
    for dataset, names in scenes.items():
        found = _papers_beside(papers, reduced, dataset, len(names), metric.name, report)
        # With one scene its mean over seeds is the average too: one figure, with the scene's name.
        name, what = ("average", f"mean of {len(names)} scenes") if len(names) > 1 else (names[0], names[0])
        title = f"{dataset}, {what}{_seeds_text(extent, dataset)}"
        curves = _by_label(averages[averages["dataset"] == dataset], [*columns, _DEVIATION])
        yield _file_name("rd", dataset if several else "", name), draw_curves, title, metric, curves, found, labels
    if (
        count := sum(len(names) for names in scenes.values() if len(names) > 1)
    ) > MOST_SCENES and not settings.every_scene:
        report.remarks.append(f"the curves of {count} scenes are left out; --every-scene draws them")
        return
    groups = frame.groupby(["dataset", "scene", "label", "rate"])[columns]
    by_scene = _with_deviation(groups.mean(), groups.std(ddof=1), metric.name)
    for (dataset, scene), points in by_scene.groupby(["dataset", "scene"]):
        if len(scenes[dataset]) == 1:
            continue
        name, title = _file_name("rd", dataset if several else "", scene), f"{dataset}, {scene}"
        yield (
            name,
            draw_curves,
            title + _seeds_text(extent, dataset),
            metric,
            _by_label(points, [*columns, _DEVIATION]),
            [],
            labels,
        )


def _seeds_text(extent: Extent, dataset: str) -> str:
    count = len(extent.seeds[dataset])
    return f", {count} seed{'s' * (count > 1)}"


def _papers_beside(
    papers: list[PaperPoint], reduced: set[str], dataset: str, scenes: int, metric: str, report: Report
) -> list[PaperPoint]:
    """The papers' points that our average may be compared with; a remark says why there are none."""
    of_dataset = [point for point in papers if point.dataset == dataset]
    if not of_dataset:
        return []
    if dataset in reduced:
        report.remarks.append(f"points of papers are left out of {dataset}: some rows are of smaller images")
        return []
    found = comparable(of_dataset, dataset, scenes, metric)
    if not found:
        theirs = ", ".join(str(number) for number in sorted({point.scenes for point in of_dataset}))
        report.remarks.append(f"points of papers are left out of {dataset}: they average {theirs} scenes, not {scenes}")
    return found


def _reduced(rows: list[Row]) -> set[str]:
    """The data sets with rows of smaller images."""
    return {row.dataset for row in rows if row.config["dataset_settings"].get("downscale", 1) != 1}


def _paper_curves(
    points: list[PaperPoint], reduced: set[str], extent: Extent, settings: ReportSettings, report: Report
) -> PaperCurves:
    """The curves of papers that the differences may have; a remark says what they are, or that there are none."""
    papers = {
        dataset: paper_curves(points, dataset, len(names), settings.metric)
        for dataset, names in extent.scenes.items()
        if dataset not in reduced
    }
    if not any(papers.values()):
        report.remarks.append("no curve of a paper is on these data sets, scenes and images of full size")
    elif settings.anchor is not None:
        names = dict.fromkeys(name for curves in papers.values() for name in curves)
        report.remarks.append(
            f"differences with {', '.join(names)} mix the protocols of papers and ours: see the notes"
        )
    return papers


def _papers_of_page(points: list[PaperPoint], reduced: set[str], extent: Extent) -> Mapping[str, list[PaperPoint]]:
    """For each data set the points that its average may be compared with, on any metric."""
    found = {}
    for dataset, names in extent.scenes.items():
        # What is left out is in the remarks already.
        of_metrics = [_papers_beside(points, reduced, dataset, len(names), metric, Report()) for metric in METRICS]
        found[dataset] = [point for point in points if any(point in comparable for comparable in of_metrics)]
    return found


def _bars(frame: pd.DataFrame, extent: Extent, report: Report) -> Iterator[tuple[Any, ...]]:
    """As `_curves`, for what the bits, the time and the memory are spent on."""
    components = component_shares(frame, extent)
    keys = _shown(list(components.sizes.index), report)
    several = frame["dataset"].nunique() > 1
    names = [" ".join(key if several else key[1:]) for key in keys]
    shares = components.shares.loc[keys]
    large = [name for name in shares if shares[name].max() >= SMALLEST_SHARE]
    parts = {name: shares[name].to_list() for name in large}
    if (rest := shares.drop(columns=large).sum(axis=1)).any():
        parts[ALL_OTHERS] = rest.to_list()
    if parts:
        sizes, order = components.sizes.loc[keys].to_list(), list(components.shares)
        yield "components", draw_shares, "Bits by component", names, sizes, parts, order
    for name, columns, title, axis, factor, logarithmic in (
        ("time", _TIMES, "Time", "seconds", 1.0, True),
        ("memory", _MEMORY, "Peak memory", "MB", 1e-6, False),
    ):
        present = [column for column in columns if column in frame]
        if keys and present:
            means = average_over_scenes(frame, KEYS, present, extent).means.loc[keys]
            values = {columns[column]: (factor * means[column]).to_list() for column in present}
            yield name, draw_groups, title, axis, logarithmic, names, values


def _shown(keys: list[Any], report: Report) -> list[Any]:
    """All data sets, labels and rates, or where they are too many for a page the middle rate of each label."""
    if len(keys) <= MOST_BARS:
        return keys
    rates: dict[Any, list[Any]] = {}
    for key in keys:
        rates.setdefault(key[:2], []).append(key)
    chosen = [group[len(group) // 2] for group in rates.values()][:MOST_BARS]
    report.remarks.append(f"the bars show {len(chosen)} of {len(keys)} labels and rates; the tables have all")
    return chosen


def _with_deviation(means: pd.DataFrame, deviations: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Complete means, with the metric's deviation over seeds in a column of its own."""
    return means.dropna().join(deviations[metric].rename(_DEVIATION)).reset_index()


def _by_label(points: pd.DataFrame, columns: list[str]) -> dict[str, tuple[np.ndarray, ...]]:
    return {
        label: tuple(group[column].to_numpy(float) for column in columns) for label, group in points.groupby("label")
    }


def _file_name(*parts: str) -> str:
    return re.sub(r"[^\w.-]", "_", "_".join(part for part in parts if part))


def _write(report: Report, path: Path, data: bytes) -> None:
    write_listed(path, data)
    report.files.append(path)
