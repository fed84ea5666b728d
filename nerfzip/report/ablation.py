"""What one setting does: rows that differ from a reference by that setting alone."""

from collections import defaultdict
from typing import Any

import pandas as pd

from nerfzip.benchmark.row import Row as ResultRow
from nerfzip.errors import NerfzipError
from nerfzip.registry import check_name
from nerfzip.report.averages import average_over_scenes, noted
from nerfzip.report.extent import Extent, extent_of
from nerfzip.report.metric import METRICS
from nerfzip.report.series import differing, method_settings, setting_text
from nerfzip.report.table import Cell, Column, Number, Row, Table

_KEYS = ["dataset", "change"]
_REFERENCE = "(reference)"
_CHANGE_OF = "change of "
_SIZE_CHANGE = "change of bytes"


def ablation_table(
    rows: list[ResultRow], frame: pd.DataFrame, label: str, rate: str, extent: Extent | None = None
) -> Table:
    """One line for each changed setting: its size and quality, and how far they are from the reference's.

    Differences are of the same scene and seed, and then averaged.

    Args:
        rows: with the labels that `name_variants` gave them.
        frame: one line for each of `rows`, in their order.
        label, rate: of the reference.
        extent: of complete results; None is that of the rows.

    Raises:
        NerfzipError: there are no such rows, or no row differs from them by one setting.
    """
    check_name("label", label, sorted(frame["label"].unique()))
    check_name(f"rate of {label}", rate, sorted(frame[frame["label"] == label]["rate"].unique()))
    changes = _changes(rows, label, rate)
    if all(change == _REFERENCE for _, change, _ in changes):
        raise NerfzipError(f"ablation of {label} at {rate}: no row differs from it by one setting")
    positions, names, references = map(list, zip(*changes, strict=True))
    changed = frame.iloc[positions].assign(change=names).reset_index(drop=True)
    reference = frame.iloc[references].reset_index(drop=True)
    metrics = [metric for metric in METRICS.values() if metric.name in changed and changed[metric.name].notna().any()]
    changed[_SIZE_CHANGE] = 100 * (changed["bytes"] / reference["bytes"] - 1)
    for metric in metrics:
        changed[_CHANGE_OF + metric.name] = changed[metric.name] - reference[metric.name]
    quantities = [name for metric in metrics for name in (metric.name, _CHANGE_OF + metric.name)]
    averages = average_over_scenes(changed, _KEYS, ["bytes", _SIZE_CHANGE, *quantities], extent or extent_of(frame))
    lines = []
    for key in sorted(averages.means.index, key=lambda key: (key[0], key[1] != _REFERENCE, key[1])):
        means, note = averages.means.loc[key], noted([key[1]], averages.gaps[key])
        cells: list[Cell] = [*key, Number(means["bytes"] / 1000, note=note), Number(means[_SIZE_CHANGE], note=note)]
        for metric in metrics:
            cells.append(Number(means[metric.name], averages.deviations.loc[key, metric.name], note))
            cells.append(Number(means[_CHANGE_OF + metric.name], note=note))
        # Marks are for the changes: the reference is in a group of its own.
        lines.append(Row(cells, group=f"{key[0]} {_REFERENCE}" if key[1] == _REFERENCE else key[0]))
    columns = [Column("data set"), Column("change"), Column("size", "kB", 1), Column("Δ size", "%", 1, -1)]
    for metric in metrics:
        columns.append(Column(metric.heading, metric.unit, metric.decimals))
        columns.append(metric.column("Δ "))
    return Table(f"Ablation of {label} at {rate}", columns, lines)


def _changes(rows: list[ResultRow], label: str, rate: str) -> list[tuple[int, str, int]]:
    """The rows that belong in the table, by their position, what was changed in each, and the position it changes."""
    references: dict[Any, int] = {}
    candidates: dict[Any, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        candidates[row.dataset, row.scene, row.seed].append(index)
        if (row.label, row.rate) == (label, rate):
            references[row.dataset, row.scene, row.seed] = index
    found = []
    for place, reference in references.items():
        settings = method_settings(rows[reference])
        seen = set()
        for index in candidates[place]:
            own = method_settings(rows[index])
            names = differing(settings, own)
            if len(names) > 1 or (not names and index != reference):
                continue
            change = ", ".join(setting_text(name, own.get(name)) for name in names) or _REFERENCE
            # Two labels or rates may have the same settings: one point counts once.
            if change not in seen:
                seen.add(change)
                found.append((index, change, reference))
    return found
