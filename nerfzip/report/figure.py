"""What all figures share: one column of a paper wide, and series that are told apart without colour.

Functions that draw import matplotlib themselves: it takes most of a second, and a report draws in other processes.
"""

import io
from collections.abc import Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 3.4
"""Inches, of one column of a paper with two."""

FORMATS = ("png", "svg", "pdf")

# M. Okabe and K. Ito, Color Universal Design, 2008, without yellow, which is pale in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "oo", "||||")

_STYLE: Any = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.8,
    "hatch.linewidth": 0.4,
    "grid.linewidth": 0.3,
    "grid.color": "#cccccc",
    "axes.axisbelow": True,
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
}
_LEGEND_LINE = 0.12  # inches
_CHARACTER = 0.052  # inches, of a legend's text
_HANDLE = 0.42  # inches, of a legend's symbol and the space around it


def styles(count: int) -> list[dict[str, Any]]:
    """Arguments of `Axes.plot` for so many series. Colours, markers and lines repeat after 7, 8 and 5."""
    cycles = zip(cycle(_COLOURS), cycle(_MARKERS), cycle(_LINES), strict=False)
    return [{"color": c, "marker": m, "linestyle": line} for c, m, line in islice(cycles, count)]


def colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def new_figure(height: float, legend: Sequence[str], left: float = 0.55, right: float = 0.08) -> "tuple[Figure, Axes]":
    """A figure whose axes are `height` inches high, with room for a title above and a legend below.

    `left` and `right` are the margins in inches.
    """
    from matplotlib.figure import Figure

    below = 0.38 + _LEGEND_LINE * _legend_lines(legend) + (0.08 if legend else 0)
    above = 0.22
    total = height + below + above
    figure = Figure(figsize=(WIDTH, total))
    box = (left / WIDTH, below / total, 1 - (left + right) / WIDTH, height / total)
    return figure, figure.add_axes(box)


def add_legend(figure: "Figure", handles: Sequence[Any], labels: Sequence[str]) -> None:
    columns = _legend_columns(labels)
    figure.legend(
        handles,
        labels,
        loc="lower center",
        ncols=columns,
        frameon=False,
        handlelength=2.4,
        columnspacing=1.0,
        labelspacing=0.25,
        borderaxespad=0.1,
        borderpad=0.2,
    )


def logarithmic_axis(axes: "Axes", low: float, high: float) -> None:
    """A log x-axis whose labels are plain numbers, more of them on a short one."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_xlim(low, high)
    decades = np.log10(high / low)
    subs = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0) if decades < 0.6 else (1.0, 2.0, 5.0) if decades < 2 else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def rendered(draw: Any, *arguments: Any) -> dict[str, bytes]:
    """The figure that `draw(*arguments)` returns, by format, the same bytes for the same data."""
    from matplotlib import rc_context

    files = {}
    with rc_context({**_STYLE, "svg.hashsalt": "nerfzip"}):
        figure = draw(*arguments)
        for name in FORMATS:
            buffer = io.BytesIO()
            figure.savefig(
                buffer, format=name, metadata={"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(name)
            )
            files[name] = buffer.getvalue()
    return files


def _legend_columns(labels: Sequence[str]) -> int:
    longest = max((len(label) for label in labels), default=0)
    return max(1, min(len(labels), int((WIDTH - 0.1) / (_HANDLE + _CHARACTER * longest))))


def _legend_lines(labels: Sequence[str]) -> int:
    return -(-len(labels) // _legend_columns(labels))
