"""Tables of results: quality, size, time and memory of each label and rate, and what the bits are spent on."""

from dataclasses import dataclass
from math import nan
from typing import Any

import pandas as pd

from nerfzip.report.averages import average_over_scenes, noted
from nerfzip.report.extent import Extent, extent_of
from nerfzip.report.metric import METRICS
from nerfzip.report.table import Cell, Column, Number, Row, Table

KEYS = ["dataset", "label", "rate"]
COMPONENT = "bytes_"

_QUANTITIES = {
    "bytes": (Column("size", "kB", 1, -1), 1e-3),
    **{metric.name: (metric.column(), 1.0) for metric in METRICS.values()},
    "seconds_fit": (Column("fit", "s", 1), 1.0),
    "seconds_compress": (Column("compress", "s", 1), 1.0),
    "seconds_decompress": (Column("decode", "s", 2), 1.0),
    "seconds_render": (Column("render a view", "s", 2), 1.0),
    "peak_memory_encode": (Column("peak memory, encode", "MB"), 1e-6),
    "peak_memory_decode": (Column("peak memory, decode", "MB"), 1e-6),
}
"""Columns of a frame of rows, how they are shown, and the factor to the shown unit. 1 kB is 1000 bytes.

Times and memory are never called best: they depend on what else the machine did.
"""


def results_table(frame: pd.DataFrame, extent: Extent | None = None) -> Table:
    """Means over seeds and then scenes of all that was measured, for each label and rate by size.

    Args:
        extent: of complete results; None is that of the rows.
    """
    extent = extent or extent_of(frame)
    names = [name for name in _QUANTITIES if name in frame and frame[name].notna().any()]
    averages = average_over_scenes(frame, KEYS, names, extent)
    rows = []
    for key in by_size(averages.means, frame):
        note = noted(key[1:], averages.gaps[key])
        cells: list[Cell] = [*key]
        for name in names:
            factor = _QUANTITIES[name][1]
            mean, deviation = averages.means.loc[key, name], averages.deviations.loc[key, name]
            cells.append(Number(factor * mean, factor * deviation, note))
        rows.append(Row(cells, group=key[0]))
    columns = [Column("data set"), Column("label"), Column("rate"), *(_QUANTITIES[name][0] for name in names)]
    return Table(f"Results, {_extent_text(extent)}", columns, rows)


@dataclass(frozen=True)
class ComponentShares:
    """Indexed by data set, label and rate, the rates of each label from small to large.

    Attributes:
        sizes: mean size of the file in bytes.
        shares: the mean size of each component over the file's, in percent; one column a component.
    """

    sizes: pd.Series
    shares: pd.DataFrame


def component_shares(frame: pd.DataFrame, extent: Extent | None = None) -> ComponentShares:
    """What the bits of each label and rate are spent on. Groups that lack a scene are left out."""
    # By the date of the first row that has it: a component that is added changes the look of no other.
    names = sorted(
        (name for name in frame if name.startswith(COMPONENT)),
        key=lambda name: frame.loc[frame[name].notna(), "date"].min(),
    )
    averages = average_over_scenes(
        frame.fillna(dict.fromkeys(names, 0)), KEYS, ["bytes", *names], extent or extent_of(frame)
    )
    means = averages.means.loc[by_size(averages.means, frame)].dropna(subset=["bytes"])
    shares = means[names].mul(100 / means["bytes"], axis=0)
    return ComponentShares(means["bytes"], shares.rename(columns=lambda name: name.removeprefix(COMPONENT)))


def components_table(frame: pd.DataFrame, extent: Extent | None = None) -> Table:
    """The share of each component of the file; a dash where a label has no such component."""
    components = component_shares(frame, extent)
    rows = []
    for key, shares in components.shares.iterrows():
        numbers = [Number(float(share)) if share else Number(nan) for share in shares]
        rows.append(Row([*key, Number(components.sizes[key] / 1000), *numbers], group=key[0]))
    columns = [Column("data set"), Column("label"), Column("rate"), Column("size", "kB", 1)]
    return Table("Bits by component", [*columns, *(Column(name, "%", 1) for name in components.shares)], rows)


def by_size(means: pd.DataFrame, frame: pd.DataFrame) -> list[Any]:
    """The keys, by data set and label, the rates of each from small to large, whether or not scenes are missing."""
    sizes = frame.groupby(KEYS)["bytes"].mean()
    return sorted(means.index, key=lambda key: (*key[:2], sizes[key]))


def _extent_text(extent: Extent) -> str:
    parts = []
    for dataset in extent.scenes:
        scenes, seeds = len(extent.scenes[dataset]), len(extent.seeds[dataset])
        parts.append(f"{dataset}: {scenes} scene{'s' * (scenes > 1)}, {seeds} seed{'s' * (seeds > 1)}")
    return "; ".join(parts)
