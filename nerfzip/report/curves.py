"""Rate-distortion curves: quality over size, the points of papers as hollow markers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nerfzip.report.bjontegaard import front
from nerfzip.report.figure import add_legend, colour, logarithmic_axis, new_figure, styles
from nerfzip.report.literature import PaperPoint
from nerfzip.report.metric import Metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT = 2.0  # inches
PAPER_MARKERS = ("o", "s", "^", "D", "v", "p", "h", "<", ">", "8")


def draw_curves(
    title: str,
    metric: Metric,
    curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
    papers: Sequence[PaperPoint],
    labels: Sequence[str],
) -> "Figure":
    """One figure. A line joins the points of a label that are better than every smaller one; the others lie beside it.

    Args:
        curves: for each label the sizes in bytes of its points, their qualities, and the deviations of these, which are
            drawn as error bars; NaN has none.
        labels: of the whole report, in its order, so that a label looks the same in every figure.
    """
    sizes = [size for curve in curves.values() for size in curve[0]] + [point.bytes for point in papers]
    factor, unit = (1e-6, "MB") if np.median(sizes) >= 1e6 else (1e-3, "kB")
    names = [label for label in labels if label in curves]
    paper_names = [f"{point.method} [{point.paper}]" for point in papers]
    figure, axes = new_figure(_HEIGHT, [*names, *paper_names])
    looks = dict(zip(labels, styles(len(labels)), strict=True))
    handles: list[Any] = []
    for name in names:
        size, quality, deviation = (np.asarray(values) for values in curves[name])
        joined, others = front(size, quality if metric.higher_is_better else -quality)
        handles += axes.plot(factor * size[joined], quality[joined], **looks[name])
        if others:
            axes.plot(factor * size[others], quality[others], **looks[name] | {"linestyle": "none"})
        known = np.isfinite(deviation)
        if known.any():
            bars = {"ecolor": looks[name]["color"], "elinewidth": 0.5, "capsize": 1.5, "capthick": 0.5}
            axes.errorbar(factor * size[known], quality[known], deviation[known], fmt="none", **bars)
    for index, point in enumerate(papers):
        marker = PAPER_MARKERS[index % len(PAPER_MARKERS)]
        look: dict[str, Any] = {
            "marker": marker,
            "markerfacecolor": "none",
            "color": colour(index),
            "linestyle": "none",
        }
        handles += axes.plot(factor * point.bytes, point.metrics[metric.name], **look)
    axes.set_title(title)
    axes.set_xlabel(f"size ({unit})")
    axes.set_ylabel(f"{metric.heading} ({metric.unit})" if metric.unit else metric.heading)
    axes.grid(True)
    if sizes:
        logarithmic_axis(axes, factor * min(sizes) / 1.2, factor * max(sizes) * 1.2)
    add_legend(figure, handles, [*names, *paper_names])
    return figure
