"""Bjøntegaard differences that a paper's curve is part of, on request: between averages, as a paper prints no more."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from nerfzip.report.averages import average_over_scenes
from nerfzip.report.bjontegaard import Curve, bd_metric, bd_rate
from nerfzip.report.extent import Extent
from nerfzip.report.literature import PaperPoint
from nerfzip.report.metric import METRICS
from nerfzip.report.results import KEYS
from nerfzip.report.table import Number, Row

PaperCurves = Mapping[str, Mapping[str, list[PaperPoint]]]
"""For each data set the curves of papers that may be compared with ours, by their names."""

SCENE = "average curve"
"""In the place of a scene's name."""


def paper_rows(
    frame: pd.DataFrame, extent: Extent, papers: PaperCurves, anchor: str, metric: str, interpolation: str
) -> Iterator[Row]:
    """Lines of the table of differences: every curve of a paper to the anchor, or all curves to an anchor of a paper.

    Each number is marked. Data sets where the anchor has no complete average are left out.
    """
    higher_is_better = METRICS[metric].higher_is_better
    for dataset, theirs in papers.items():
        ours = _average_curves(frame, extent, dataset, metric)
        curves = ours | {name: _curve(name, points, metric) for name, points in theirs.items()}
        if anchor not in curves:
            continue
        tests = curves if anchor in theirs else theirs
        for label in tests:
            if label == anchor:
                continue
            involved = {name: theirs[name] for name in (label, anchor) if name in theirs}
            differences = [
                difference(curves[anchor], curves[label], higher_is_better, interpolation)
                for difference in (bd_rate, bd_metric)
            ]
            numbers = [Number(each.value, note=_note(label, involved, each.status)) for each in differences]
            overlap = Number(100 * float(np.fmin(differences[0].overlap, differences[1].overlap)))
            points = Number(differences[0].points)
            yield Row([dataset, label, SCENE, *numbers, overlap, points, "see note"], group=f"{dataset} {SCENE}")


def _average_curves(frame: pd.DataFrame, extent: Extent, dataset: str, metric: str) -> dict[str, Curve]:
    """Our labels' curves of sizes and qualities averaged over seeds and scenes, without incomplete averages."""
    rows = frame[frame["dataset"] == dataset]
    means = average_over_scenes(rows, KEYS, ["bytes", metric], extent).means.dropna().reset_index()
    return {
        str(label): Curve(
            tuple(points["rate"]), points["bytes"].to_numpy(float), points[metric].to_numpy(float), str(label)
        )
        for label, points in means.groupby("label")
    }


def _curve(name: str, points: list[PaperPoint], metric: str) -> Curve:
    rates = tuple(point.variant or f"{point.bytes:.0f} bytes" for point in points)
    sizes, quality = ([point.bytes for point in points], [point.metrics[metric] for point in points])
    return Curve(rates, np.array(sizes), np.array(quality), name)


def _note(label: str, involved: dict[str, list[PaperPoint]], status: str) -> str:
    sources = {f"{name}: {point.source}, size is {point.counts}" for name, curve in involved.items() for point in curve}
    text = f"{label}: mixes protocols ({'; '.join(sorted(sources))}), between curves of averages"
    return text if status == "ok" else f"{text}; {status}"
