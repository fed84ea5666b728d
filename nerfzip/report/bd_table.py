"""Bjøntegaard differences of every label against an anchor: per scene and seed first, then averaged over scenes."""

from collections import defaultdict
from collections.abc import Iterator
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from nerfzip.errors import NerfzipError
from nerfzip.registry import check_name
from nerfzip.report.anchor import counterpart
from nerfzip.report.averages import average_over_scenes, average_over_seeds
from nerfzip.report.bd_papers import PaperCurves, paper_rows
from nerfzip.report.bjontegaard import Curve, Difference, bd_metric, bd_rate
from nerfzip.report.extent import Extent, extent_of, missing_seeds
from nerfzip.report.metric import METRICS
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
    extent: Extent | None = None,
) -> Table:
    """A line for each label and scene, and one for its average over several scenes; mean ± deviation over seeds.

    The curves of `papers` have lines of their own, and the anchor may be one of them.

    Args:
        extent: of complete results; None is that of the rows.

    Raises:
        NerfzipError: nothing has this label or metric, or there is nothing to compare with the anchor.
    """
    what = METRICS[metric]
    papers = papers or {}
    extent = extent or extent_of(frame)
    rows = list(paper_rows(frame, extent, papers, anchor, metric, interpolation))
    if not any(anchor in curves for curves in papers.values()):
        differences = bd_differences(frame, anchor, metric, interpolation, extent)
        rows += [*_scene_rows(differences, extent), *_average_rows(differences, extent)]
    rows.sort(key=lambda row: (str(row.cells[0]), str(row.cells[1]), row.cells[2] == _AVERAGE, str(row.cells[2])))
    columns = [
        Column("data set"),
        Column("label"),
        Column("scene"),
        Column("BD-rate", "%", 1, -1),
        what.column("BD-"),
        Column("overlap", "%"),
        Column("points"),
        Column("status"),
    ]
    return Table(f"Bjøntegaard differences to {anchor} on {what.heading}, by {interpolation}", columns, rows)


def bd_differences(frame: pd.DataFrame, anchor: str, metric: str, interpolation: str, extent: Extent) -> pd.DataFrame:
    """One line for each label but the anchor, scene and seed.

    The columns are dataset, label, scene, seed, `rate` (BD-rate in percent), `metric` (BD-metric), their statuses
    `status_rate` and `status_metric`, `overlap` (in percent, the smaller of both) and `points`. The anchor's curve is
    the one of the same seed, or its only one. Where either curve lacks a rate of its label in `extent`,
    both statuses say so.

    Raises:
        NerfzipError: as `bd_table`.
    """
    check_name("anchor", anchor, sorted(frame["label"].unique()))
    check_name("metric", metric, [name for name in METRICS if name in frame and frame[name].notna().any()])
    curves = _curves(frame, metric)
    anchors: dict[tuple[str, str], dict[int, Curve]] = {}
    for (dataset, scene, label, seed), curve in curves.items():
        if label == anchor:
            anchors.setdefault((dataset, scene), {})[seed] = curve
    lines = []
    for (dataset, scene, label, seed), curve in curves.items():
        if label == anchor:
            continue
        reference, why = counterpart(anchors.get((dataset, scene), {}), seed)
        if reference is None:
            by_rate = by_metric = Difference(nan, why)
            lacking = ""
        else:
            better = METRICS[metric].higher_is_better
            by_rate = bd_rate(reference, curve, better, interpolation)
            by_metric = bd_metric(reference, curve, better, interpolation)
            compared = {label: curve, anchor: reference}
            texts = (_lacking_rates(name, own, extent.rates[dataset, name]) for name, own in compared.items())
            lacking = " and ".join(filter(None, texts))
        place = {"dataset": dataset, "scene": scene, "label": label, "seed": seed}
        lines.append(place | _line(by_rate, by_metric, lacking))
    if not lines:
        raise NerfzipError(f"anchor {anchor}: every row has this label, there is nothing to compare it with")
    return pd.DataFrame(lines)


def _curves(frame: pd.DataFrame, metric: str) -> dict[tuple[str, str, str, int], Curve]:
    """By data set, scene, label and seed, sorted."""
    # Positions in arrays: a frame for each of thousands of curves would take longer than their differences.
    rates, sizes, quality = frame["rate"].tolist(), frame["bytes"].to_numpy(float), frame[metric].to_numpy(float)
    groups = frame.groupby(["dataset", "scene", "label", "seed"]).indices
    return {
        key: Curve(tuple(rates[index] for index in rows), sizes[rows], quality[rows], key[2])
        for key, rows in sorted(groups.items(), key=lambda group: group[0])
    }


def _lacking_rates(label: str, curve: Curve, rates: list[str]) -> str:
    missing = [rate for rate in rates if rate not in curve.rates]
    return f"{label} lacks {', '.join(missing)}" if missing else ""


def _line(by_rate: Difference, by_metric: Difference, lacking: str) -> dict[str, Any]:
    return {
        "rate": by_rate.value,
        "metric": by_metric.value,
        "status_rate": _joined(by_rate.status, lacking, ", "),
        "status_metric": _joined(by_metric.status, lacking, ", "),
        "overlap": 100 * float(np.fmin(by_rate.overlap, by_metric.overlap)),
        "points": by_rate.points,
    }


def _scene_rows(differences: pd.DataFrame, extent: Extent) -> Iterator[Row]:
    keys = [*_KEYS, "scene"]
    means, deviations = average_over_seeds(differences, keys, VALUES)
    for key, lines in differences.groupby(keys):
        present = zip(lines["scene"], lines["seed"], strict=True)
        short = missing_seeds(present, [key[2]], extent.seeds[key[0]])
        statuses = [_joined(_statuses(lines, f"status_{value}"), short) for value in VALUES]
        numbers = [
            Number(means.loc[key, value], deviations.loc[key, value], _note(f"{key[1]} on {key[2]}", status))
            for value, status in zip(VALUES, statuses, strict=True)
        ]
        yield _row(key, numbers, lines, statuses)


def _average_rows(differences: pd.DataFrame, extent: Extent) -> Iterator[Row]:
    averages = average_over_scenes(differences, _KEYS, VALUES, extent)
    for key, lines in differences.groupby(_KEYS):
        if len(extent.scenes[key[0]]) == 1:
            continue
        gap = averages.gaps[key]
        doubtful = [lines[lines[f"status_{value}"] != "ok"]["scene"].unique() for value in VALUES]
        statuses = [_joined(f"not ok on {', '.join(names)}" if len(names) else "ok", gap) for names in doubtful]
        numbers = [
            Number(
                averages.means.loc[key, value],
                averages.deviations.loc[key, value],
                _note(f"average of {key[1]}", status),
            )
            for value, status in zip(VALUES, statuses, strict=True)
        ]
        yield _row((*key, _AVERAGE), numbers, lines, statuses)


def _row(key: Any, numbers: list[Number], lines: pd.DataFrame, statuses: list[str]) -> Row:
    status = "ok" if all(text == "ok" for text in statuses) else "see note"
    extent: list[Cell] = [Number(lines["overlap"].min()), Number(lines["points"].min())]
    return Row([*key, *numbers, *extent, status], group=f"{key[0]} {key[2]}")


def _statuses(lines: pd.DataFrame, column: str) -> str:
    """What is wrong, and at which of several seeds, or "ok"."""
    if len(lines) == 1:
        return str(lines[column].iloc[0])
    seeds: dict[str, list[str]] = defaultdict(list)
    for seed, status in zip(lines["seed"], lines[column], strict=True):
        if status != "ok":
            seeds[status].append(str(seed))
    texts = (f"seed{'s' * (len(own) > 1)} {', '.join(own)}: {status}" for status, own in seeds.items())
    return "; ".join(texts) or "ok"


def _joined(status: str, other: str, comma: str = "; ") -> str:
    """One status; `other` is "" where nothing else is wrong."""
    return comma.join(text for text in (status if status != "ok" else "", other) if text) or "ok"


def _note(where: str, status: str) -> str:
    return "" if status == "ok" else f"{where}: {status}"
