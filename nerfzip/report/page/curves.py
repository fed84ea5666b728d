"""The curves of the page: those of the static figures, for every metric, and the rows behind each point."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import pandas as pd

from nerfzip.report.averages import average_over_scenes
from nerfzip.report.curves import PAPER_MARKERS
from nerfzip.report.extent import Extent
from nerfzip.report.figure import colour, styles
from nerfzip.report.literature import PaperPoint
from nerfzip.report.metric import Metric
from nerfzip.report.results import KEYS

_ON_DARK = {"#000000": "#e6e6e6", "#0072B2": "#3b9ae1"}
"""Colours of the figures that are too dark on a dark page."""

_DASHES = {"-": "", "--": "7 3", "-.": "7 3 1.5 3", ":": "1.5 3"}
"""Lines of the figures as SVG has them."""


def page_labels(labels: Sequence[str]) -> list[dict[str, Any]]:
    """Name, colours, marker and dashes of each label."""
    return [
        {"name": label, **_colours(style["color"]), "marker": style["marker"], "dashes": _dashes(style["linestyle"])}
        for label, style in zip(labels, styles(len(labels)), strict=True)
    ]


def page_charts(
    frame: pd.DataFrame,
    extent: Extent,
    metrics: Sequence[Metric],
    labels: Sequence[str],
    papers: Mapping[str, Sequence[PaperPoint]],
) -> list[dict[str, Any]]:
    """A chart for the average of each data set with several scenes, and one for each scene.

    Args:
        frame: one line for each row of the page, in their order.
        extent: of complete results.
        labels: in the order of `page_labels`.
        papers: for each data set the points that its average may be compared with.
    """
    columns = ["bytes", *(metric.name for metric in metrics)]
    over_scenes = average_over_scenes(frame, KEYS, columns, extent)
    averages = over_scenes.means.dropna(subset=["bytes"])
    by_scene = frame.groupby([*KEYS, "scene"])
    complete = by_scene[columns].count().eq(by_scene.size(), axis=0)
    scene_means = by_scene[columns].mean().where(complete)
    behind: dict[Any, list[int]] = defaultdict(list)
    places = frame.reset_index(drop=True).sort_values(["scene", "seed"], kind="stable")
    for index, *key, scene in places[[*KEYS, "scene"]].itertuples(name=None):
        behind[tuple(key)].append(index)
        behind[(*key, scene)].append(index)
    points: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    numbers = {label: number for number, label in enumerate(labels)}
    for means, deviations in ((averages, over_scenes.deviations), (scene_means, by_scene[columns].std(ddof=1))):
        deviation_of = {key: values for key, *values in deviations.itertuples(name=None)}
        for key, size, *values in means.sort_values("bytes").itertuples(name=None):
            dataset, label, rate, *scene = key
            size_deviation, *value_deviations = _finite(deviation_of[key])
            point = {
                "label": numbers[label],
                "rate": rate,
                "bytes": size,
                "bytes_deviation": size_deviation,
                "values": _finite(values),
                "deviations": value_deviations,
                "rows": behind[key],
            }
            points[(dataset, *scene)].append(point)
    charts = []
    for dataset, names in extent.scenes.items():
        shown_papers = [_paper(point, index, metrics) for index, point in enumerate(papers.get(dataset, []))]
        title = f"{dataset}, mean of {len(names)} scenes" if len(names) > 1 else place_name(dataset, names[0])
        charts.append({"title": title, "scenes": len(names), "points": points[(dataset,)], "papers": shown_papers})
        for scene in names if len(names) > 1 else []:
            if not points[(dataset, scene)]:
                continue
            charts.append(
                {"title": place_name(dataset, scene), "scenes": 1, "points": points[(dataset, scene)], "papers": []}
            )
    return charts


def _finite(values: Sequence[float]) -> list[float | None]:
    return [float(value) if isfinite(value) else None for value in values]


def place_name(dataset: str, scene: str) -> str:
    return dataset if dataset == scene else f"{dataset}, {scene}"


def _paper(point: PaperPoint, index: int, metrics: Sequence[Metric]) -> dict[str, Any]:
    return {
        "name": f"{point.method} [{point.paper}]",
        "source": f"{point.paper}, {point.source}",
        "counts": point.counts,
        "scenes": point.scenes,
        "bytes": point.bytes,
        "values": [point.metrics.get(metric.name) for metric in metrics],
        "marker": PAPER_MARKERS[index % len(PAPER_MARKERS)],
        **_colours(colour(index)),
    }


def _colours(light: str) -> dict[str, str]:
    return {"light": light, "dark": _ON_DARK.get(light, light)}


def _dashes(line: Any) -> str:
    return _DASHES[line] if isinstance(line, str) else " ".join(str(1.4 * length) for length in line[1])
