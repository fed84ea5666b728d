"""What one setting does: rows that differ from a reference by that setting alone."""

from collections import defaultdict
from typing import Any

import pandas as pd

from nerfzip.benchmark.row import Row as ResultRow
from nerfzip.errors import NerfzipError
from nerfzip.registry import check_name
from nerfzip.report.averages import average_over_scenes, scenes_of
from nerfzip.report.metric import METRICS
from nerfzip.report.results import missing_note
from nerfzip.report.series import differing, setting_text, settings_of
from nerfzip.report.table import Cell, Column, Number, Row, Table

_KEYS = ["dataset", "change"]
_REFERENCE = "(reference)"


def ablation_table(rows: list[ResultRow], frame: pd.DataFrame, label: str, rate: str) -> Table:
    """One line for each changed setting: its size and quality, and how far they are from the reference's.

    Args:
        rows: with the labels that `name_variants` gave them.
        frame: one line for each of `rows`, in their order.
        label, rate: of the reference.

    Raises:
        NerfzipError: there are no such rows, or no row differs from them by one setting.
    """
    check_name("label", label, sorted(frame["label"].unique()))
    check_name(f"rate of {label}", rate, sorted(frame[frame["label"] == label]["rate"].unique()))
    changes = _changes(rows, label, rate)
    if set(changes.values()) == {_REFERENCE}:
        raise NerfzipError(f"ablation of {label} at {rate}: no row differs from it by one setting")
    changed = frame.iloc[list(changes)].assign(change=list(changes.values()))
    metrics = [metric for metric in METRICS.values() if metric.name in changed and changed[metric.name].notna().any()]
    names = ["bytes", *(metric.name for metric in metrics)]
    averages = average_over_scenes(changed, _KEYS, names, scenes_of(frame))
    lines = []
    for key in sorted(averages.means.index, key=lambda key: (key[0], key[1] != _REFERENCE, key[1])):
        means, note = averages.means.loc[key], missing_note([key[1]], averages.missing[key])
        reference = averages.means.loc[(key[0], _REFERENCE)]
        cells: list[Cell] = [*key, Number(means["bytes"] / 1000, note=note)]
        cells.append(Number(100 * (means["bytes"] / reference["bytes"] - 1), note=note))
        for metric in metrics:
            value, base = means[metric.name], reference[metric.name]
            cells += [Number(value, averages.deviations.loc[key, metric.name], note), Number(value - base, note=note)]
        lines.append(Row(cells, group=key[0]))
    columns = [Column("data set"), Column("change"), Column("size", "kB", 1), Column("Δ size", "%", 1, -1)]
    for metric in metrics:
        columns.append(Column(metric.heading, metric.unit, metric.decimals))
        columns.append(
            Column(f"Δ {metric.heading}", metric.unit, metric.decimals, 1 if metric.higher_is_better else -1)
        )
    return Table(f"Ablation of {label} at {rate}", columns, lines)


def _changes(rows: list[ResultRow], label: str, rate: str) -> dict[int, str]:
    """The rows that belong in the table, by their position, and what was changed in each."""
    references: dict[Any, dict[str, str]] = {}
    candidates: dict[Any, list[tuple[int, ResultRow]]] = defaultdict(list)
    for index, row in enumerate(rows):
        candidates[(row.dataset, row.scene, row.seed)].append((index, row))
        if (row.label, row.rate) == (label, rate):
            references[(row.dataset, row.scene, row.seed)] = settings_of(row)
    found = {}
    seen = set()
    for place, reference in references.items():
        for index, row in candidates[place]:
            settings = settings_of(row)
            names = differing(reference, settings)
            if len(names) > 1 or (not names and (row.label, row.rate) != (label, rate)):
                continue
            change = ", ".join(setting_text(name, settings.get(name)) for name in names) or _REFERENCE
            # Two labels or rates may have the same settings: one point counts once.
            if (place, change) not in seen:
                seen.add((place, change))
                found[index] = change
    return found
