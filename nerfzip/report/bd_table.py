"""Bjøntegaard differences of every label against an anchor: per scene and seed first, then averaged over scenes."""

from collections import Counter
from collections.abc import Iterator
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from nerfzip.errors import NerfzipError
from nerfzip.registry import check_name
from nerfzip.report.averages import average_over_scenes, average_over_seeds, scenes_of
from nerfzip.report.bd_papers import PaperCurves, paper_rows
from nerfzip.report.bjontegaard import Curve, Difference, bd_metric, bd_rate
from nerfzip.report.metric import METRICS, Metric
from nerfzip.report.results import missing_note
from nerfzip.report.table import Cell, Column, Number, Row, Table

VALUES = ["rate", "metric"]
_KEYS = ["dataset", "label"]
_AVERAGE = "average"


def bd_table(
    frame: pd.DataFrame,
    anchor: str,
    metric: str,
    interpolation: str = "pchip",
    papers: PaperCurves | None = None,
) -> Table:
    """A line for each label and scene, and one for its average over scenes; mean ± deviation over seeds.

    The curves of `papers` have lines of their own, and the anchor may be one of them.

    Raises:
        NerfzipError: nothing has this label or metric, or there is nothing to compare with the anchor.
    """
    what = METRICS[metric]
    papers = papers or {}
    rows = list(paper_rows(frame, papers, anchor, metric, interpolation))
    if not any(anchor in curves for curves in papers.values()):
        differences = bd_differences(frame, anchor, metric, interpolation)
        rows += [*_scene_rows(differences), *_average_rows(differences, scenes_of(frame))]
    rows.sort(key=lambda row: (str(row.cells[0]), str(row.cells[1]), row.cells[2] == _AVERAGE, str(row.cells[2])))
    columns = [
        Column("data set"),
        Column("label"),
        Column("scene"),
        Column("BD-rate", "%", 1, -1),
        Column(f"BD-{what.heading}", what.unit, what.decimals, 1 if what.higher_is_better else -1),
        Column("overlap", "%"),
        Column("points"),
        Column("status"),
    ]
    return Table(f"Bjøntegaard differences to {anchor} on {what.heading}, by {interpolation}", columns, rows)


def bd_differences(frame: pd.DataFrame, anchor: str, metric: str, interpolation: str) -> pd.DataFrame:
    """One line for each label but the anchor, scene and seed.

    The columns are dataset, label, scene, seed, `rate` (BD-rate in percent), `metric` (BD-metric), their statuses
    `status_rate` and `status_metric`, `overlap` (in percent, the smaller of both) and `points`. The anchor's curve is
    the one of the same seed, or its only one.

    Raises:
        NerfzipError: as `bd_table`.
    """
    check_name("anchor", anchor, sorted(frame["label"].unique()))
    check_name("metric", metric, [name for name in METRICS if name in frame and frame[name].notna().any()])
    curves = {key: _curve(rows, metric) for key, rows in frame.groupby(["dataset", "scene", "label", "seed"])}
    anchors: dict[tuple[str, str], dict[int, Curve]] = {}
    for (dataset, scene, label, seed), curve in curves.items():
        if label == anchor:
            anchors.setdefault((dataset, scene), {})[seed] = curve
    lines = [
        {
            "dataset": dataset,
            "scene": scene,
            "label": label,
            "seed": seed,
            **_line(anchors.get((dataset, scene), {}), curve, seed, METRICS[metric], interpolation),
        }
        for (dataset, scene, label, seed), curve in curves.items()
        if label != anchor
    ]
    if not lines:
        raise NerfzipError(f"anchor {anchor}: every row has this label, there is nothing to compare it with")
    return pd.DataFrame(lines)


def _curve(rows: pd.DataFrame, metric: str) -> Curve:
    return Curve(tuple(rows["rate"]), rows["bytes"].to_numpy(float), rows[metric].to_numpy(float))


def _line(anchors: dict[int, Curve], curve: Curve, seed: int, metric: Metric, interpolation: str) -> dict[str, Any]:
    anchor = anchors.get(seed) or (next(iter(anchors.values())) if len(anchors) == 1 else None)
    if anchor is None:
        why = f"the anchor has no seed {seed}" if anchors else "the anchor has no such scene"
        by_rate = by_metric = Difference(nan, why)
    else:
        by_rate = bd_rate(anchor, curve, metric.higher_is_better, interpolation)
        by_metric = bd_metric(anchor, curve, metric.higher_is_better, interpolation)
    return {
        "rate": by_rate.value,
        "metric": by_metric.value,
        "status_rate": by_rate.status,
        "status_metric": by_metric.status,
        "overlap": 100 * float(np.fmin(by_rate.overlap, by_metric.overlap)),
        "points": by_rate.points,
    }


def _scene_rows(differences: pd.DataFrame) -> Iterator[Row]:
    keys = [*_KEYS, "scene"]
    means, deviations = average_over_seeds(differences, keys, VALUES)
    for key, lines in differences.groupby(keys):
        statuses = [_statuses(lines, f"status_{value}") for value in VALUES]
        numbers = [
            Number(means.loc[key, value], deviations.loc[key, value], _note(f"{key[1]} on {key[2]}", status))
            for value, status in zip(VALUES, statuses, strict=True)
        ]
        yield _row(key, numbers, lines, statuses)


def _average_rows(differences: pd.DataFrame, scenes: dict[str, list[str]]) -> Iterator[Row]:
    averages = average_over_scenes(differences, _KEYS, VALUES, scenes)
    for key, lines in differences.groupby(_KEYS):
        missing = missing_note([key[1]], averages.missing[key])
        doubtful = [lines[lines[f"status_{value}"] != "ok"]["scene"].unique() for value in VALUES]
        statuses = [missing or (f"not ok on {', '.join(names)}" if len(names) else "ok") for names in doubtful]
        numbers = [
            Number(
                averages.means.loc[key, value],
                averages.deviations.loc[key, value],
                missing or _note(f"average of {key[1]}", status),
            )
            for value, status in zip(VALUES, statuses, strict=True)
        ]
        yield _row((*key, _AVERAGE), numbers, lines, statuses)


def _row(key: Any, numbers: list[Number], lines: pd.DataFrame, statuses: list[str]) -> Row:
    status = "ok" if all(text == "ok" for text in statuses) else "see note"
    extent: list[Cell] = [Number(lines["overlap"].min()), Number(lines["points"].min())]
    return Row([*key, *numbers, *extent, status], group=f"{key[0]} {key[2]}")


def _statuses(lines: pd.DataFrame, column: str) -> str:
    """What is wrong, and at how many of the seeds, or "ok"."""
    counts = Counter(status for status in lines[column] if status != "ok")
    if len(lines) == 1:
        return next(iter(counts), "ok")
    return "; ".join(f"{count} of {len(lines)} seeds: {status}" for status, count in counts.items()) or "ok"


def _note(where: str, status: str) -> str:
    return "" if status == "ok" else f"{where}: {status}"
