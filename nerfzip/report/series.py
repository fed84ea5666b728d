"""Which rows belong to one curve: its label, and the settings that tell rows of one label apart."""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from nerfzip.benchmark.row import Row

_WHERE_NOT_WHAT = ("root", "cache")
"""Settings of a data set that say where it lies."""


def settings_of(row: Row) -> dict[str, str]:
    """The settings of a row's method and data set as flat JSON texts, such as {"method.base.seed": "0"}."""
    return dict(_flat("method", row.config["method_settings"])) | {
        name: value
        for name, value in _flat("dataset", row.config["dataset_settings"])
        if name.removeprefix("dataset.") not in _WHERE_NOT_WHAT
    }


def newest_of_each_point(rows: list[Row]) -> list[Row]:
    """One row for each label, scene, rate, seed and settings: points that were made again count once."""
    points: dict[Any, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.date):
        points[_point(row)].append(row)
    newest: list[Row] = []
    for same in points.values():
        newest += same if len(same) == 1 else {_settings_text(row): row for row in same}.values()
    return newest


def name_variants(rows: list[Row]) -> list[Row]:
    """The rows, where rows of one label, scene, rate and seed differ, with the settings that do in their label.

    So rows labelled "vqrf" with two sizes of codebook become "vqrf (codebook_size=256)" and
    "vqrf (codebook_size=1024)", and never one curve.
    """
    points: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        points[_point(row)].append(row)
    known: dict[str, dict[str, str]] = {}

    def settings(row: Row) -> dict[str, str]:
        # Thousands of rows have few different settings.
        text = _settings_text(row)
        if text not in known:
            known[text] = settings_of(row)
        return known[text]

    varying: dict[str, set[str]] = defaultdict(set)
    for (label, *_), same in points.items():
        if len(same) > 1:
            first, *others = map(settings, same)
            varying[label] |= set().union(*(differing(first, other) for other in others if other is not first))
    return [
        dataclasses.replace(row, label=_variant(row.label, settings(row), sorted(varying[row.label])))
        if row.label in varying
        else row
        for row in rows
    ]


def differing(a: dict[str, str], b: dict[str, str]) -> set[str]:
    """The names of the settings that are not the same in both."""
    return {name for name in a.keys() | b.keys() if a.get(name) != b.get(name)}


def setting_text(name: str, value: str | None) -> str:
    return f"{name.partition('.')[2]}={'unset' if value is None else value.strip(chr(34))}"


def _settings_text(row: Row) -> str:
    """Equal for rows of equal settings."""
    dataset = {name: value for name, value in row.config["dataset_settings"].items() if name not in _WHERE_NOT_WHAT}
    return json.dumps([row.config["method_settings"], dataset], sort_keys=True)


def _point(row: Row) -> tuple[Any, ...]:
    return (row.label, row.dataset, row.scene, row.rate, row.seed)


def _variant(label: str, settings: dict[str, str], names: list[str]) -> str:
    return f"{label} ({', '.join(setting_text(name, settings.get(name)) for name in names)})" if names else label


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _flat(f"{prefix}.{key}", child)
    else:
        yield prefix, json.dumps(value)
