"""Bars for each label and rate: what the bits are spent on, time, memory."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nerfzip.report.figure import HATCHES, add_legend, colour, logarithmic_axis, new_figure
from nerfzip.report.panels import size_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 20
"""More than these would not be legible on a page."""

ALL_OTHERS = "all others"
_GREY = {"color": "#bbbbbb", "edgecolor": "white", "linewidth": 0.3}

_BAR = 0.16  # inches, with the space to the next one
_CHARACTER = 0.053  # inches
_WIDEST_NAMES = 1.5  # inches
_SHARE_WITH_TEXT = 12  # percent; smaller parts have no room for a number


def draw_shares(
    title: str,
    names: Sequence[str],
    sizes: Sequence[float],
    shares: Mapping[str, Sequence[float]],
    order: Sequence[str],
) -> "Figure":
    """Stacked bars.

    Args:
        names: of the bars, from top to bottom.
        sizes: in bytes, written at the end of each bar.
        shares: of each component in each bar, in percent.
        order: of all components, which gives each its look; `ALL_OTHERS` is grey.
    """
    figure, axes = new_figure(_BAR * len(names), list(shares), left=_room(names), right=0.55)
    places = np.arange(len(names))
    left = np.zeros(len(names))
    handles: list[Any] = []
    for component, values in shares.items():
        look = _GREY if component == ALL_OTHERS else _look(order.index(component))
        handles.append(axes.barh(places, values, left=left, height=0.75, **look))
        for place, value in enumerate(values):
            if value >= _SHARE_WITH_TEXT:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
                axes.text(
                    left[place] + value / 2,
                    place,
                    f"{value:.0f}",
                    ha="center",
                    va="center_baseline",
                    fontsize=5.5,
                    bbox=box,
                )
        left += np.asarray(values)
    for place, size in enumerate(sizes):
        axes.text(101.5, place, size_text(size), ha="left", va="center_baseline", fontsize=6)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the file (%)")
    _finish(axes, title, names)
    add_legend(figure, handles, list(shares))
    return figure


def draw_groups(
    title: str, axis: str, logarithmic: bool, names: Sequence[str], values: Mapping[str, Sequence[float]]
) -> "Figure":
    """For each name a bar for each of `values`; NaN has no bar, nor has 0 on a log axis."""
    thickness = 0.8 / max(len(values), 1)
    height = max(_BAR * len(names) * max(1.0, 0.6 * len(values)), 0.4)
    figure, axes = new_figure(height, list(values), left=_room(names), right=0.12)
    handles: list[Any] = []
    for index, heights in enumerate(values.values()):
        places = np.arange(len(names)) - 0.4 + thickness * (index + 0.5)
        handles.append(axes.barh(places, np.nan_to_num(heights), height=thickness, **_look(index)))
    if logarithmic and (positive := [value for heights in values.values() for value in heights if value > 0]):
        # A bar's length needs a beginning: the power of ten below the shortest.
        logarithmic_axis(axes, 10 ** np.floor(np.log10(min(positive))), 1.2 * max(positive))
    axes.set_xlabel(axis)
    axes.grid(True, axis="x")
    _finish(axes, title, names)
    add_legend(figure, handles, list(values))
    return figure


def _look(index: int) -> dict[str, Any]:
    hatch = HATCHES[index % len(HATCHES)]
    return {"color": colour(index), "hatch": hatch, "edgecolor": "white", "linewidth": 0.3}


def _finish(axes: Any, title: str, names: Sequence[str]) -> None:
    axes.set_yticks(np.arange(len(names)), [_short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)


def _room(names: Sequence[str]) -> float:
    longest = max((len(_short(name)) for name in names), default=0)
    return 0.12 + _CHARACTER * longest


def _short(name: str) -> str:
    """With its middle left out if it is long: the rate is at its end."""
    half = int(_WIDEST_NAMES / _CHARACTER / 2)
    return name if len(name) <= 2 * half + 1 else f"{name[:half]}…{name[-half:]}"
