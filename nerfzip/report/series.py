"""Which rows belong to one curve: its label and capture, and the settings that tell rows of one label apart."""

import dataclasses
import functools
import json
import marshal
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from nerfzip.benchmark.row import Row
from nerfzip.config import default_settings
from nerfzip.errors import ConfigError

_WHERE_NOT_WHAT = ("root", "cache")
"""Settings of a data set that say where it lies."""

_DIGITS = 8
"""Of a fingerprint, where nothing else tells two captures apart."""


def settings_of(row: Row) -> dict[str, str]:
    """The settings of a row's method and data set as flat JSON texts, such as {"method.base.seed": "0"}."""
    return dict(_flat("method", row.config["method_settings"])) | _dataset_settings(row)


def settings_bytes(row: Row, part: str) -> bytes:
    """Equal for rows with equal settings in this part of their `config`, in the same order."""
    # Ten times as quick as JSON; later versions of the format depend on which objects are one.
    return marshal.dumps(row.config[part], 2)


def method_settings(row: Row) -> dict[str, str]:
    """As `settings_of`, of the method and what it ran on, without those that are the row's seed."""
    own = {
        name: value
        for name, value in _flat("method", row.config["method_settings"])
        if (name.rpartition(".")[2], value) != ("seed", str(row.seed))
    }
    device, kernels = _ran_on(row)
    return own | {"run.device": json.dumps(device), "run.kernels": json.dumps(kernels)}


def in_order_of_appearance(frame: pd.DataFrame) -> list[str]:
    """Labels by the date of their first row, so that a label that is added changes the look of no other."""
    first = frame.groupby("label")["date"].min()
    return sorted(first.index, key=lambda label: (first[label], label))


def newest_of_each_point(rows: list[Row]) -> list[Row]:
    """One row for each label, capture, rate, seed, settings of the method and device: points made again count once."""
    points: dict[Any, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.date):
        points[row.label, row.dataset, row.scene, row.fingerprint, row.rate, row.seed, _ran_on(row)].append(row)
    newest: list[Row] = []
    for same in points.values():
        newest += same if len(same) == 1 else {_settings_text(row): row for row in same}.values()
    return newest


def name_captures(rows: list[Row]) -> list[Row]:
    """The rows, where captures of a data set share a name, with what tells them apart in their scene.

    So "lego" at two sizes becomes "lego (downscale=1)" and "lego (downscale=4)". Captures that differ in no setting but
    where they lie get the beginning of their fingerprints, as in "lego (capture=1a2b3c4d)".
    """
    captures: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        captures[row.dataset, row.scene].setdefault(row.fingerprint, row)
    names: dict[tuple[str, str, str], str] = {}
    for (dataset, scene), examples in captures.items():
        if len(examples) == 1:
            continue
        settings = {fingerprint: _dataset_settings(row) for fingerprint, row in examples.items()}
        varying = sorted(_varying(settings.values()))
        texts = {key: [setting_text(name, found.get(name)) for name in varying] for key, found in settings.items()}
        if len(set(map(tuple, texts.values()))) < len(texts):
            texts = {key: [*found, f"capture={key[:_DIGITS]}"] for key, found in texts.items()}
        names |= {(dataset, scene, key): f"{scene} ({', '.join(found)})" for key, found in texts.items()}
    return [
        dataclasses.replace(row, scene=names.get((row.dataset, row.scene, row.fingerprint), row.scene))
        if len(captures[row.dataset, row.scene]) > 1
        else row
        for row in rows
    ]


def name_variants(rows: list[Row]) -> list[Row]:
    """The rows, where the settings of one label's method, its kernels or device differ in a data set, with those in it.

    At one rate all settings count, over all scenes and seeds; from rate to rate those that the method's ladder of rates
    does not set. So rows labelled "vqrf" with two sizes of codebook become "vqrf (codebook_size=256)" and
    "vqrf (codebook_size=1024)", and never one curve. What differs between data sets alone has no name.
    """
    known: dict[Any, dict[str, str]] = {}
    settings = []
    of_rates: dict[Any, dict[int, dict[str, str]]] = defaultdict(dict)
    of_curves: dict[Any, dict[int, dict[str, str]]] = defaultdict(dict)
    methods: dict[Any, set[str]] = defaultdict(set)
    for row in rows:
        # Thousands of rows have few different settings.
        key = (settings_bytes(row, "method_settings"), row.seed, _ran_on(row))
        found = known[key] if key in known else known.setdefault(key, method_settings(row))
        settings.append(found)
        of_rates[row.label, row.dataset, row.method, row.rate][id(found)] = found
        of_curves[row.label, row.dataset, row.method][id(found)] = found
        methods[row.label, row.dataset].add(row.method)
    varying: dict[str, set[str]] = defaultdict(set)
    for (label, *_), alternatives in of_rates.items():
        varying[label] |= _varying(alternatives.values())
    for (label, _, method), alternatives in of_curves.items():
        if names := _varying(alternatives.values()) - varying[label]:
            varying[label] |= {name for name in names if not _depends_on_rate(name, method)}
    several = {label for (label, _), names in methods.items() if len(names) > 1}
    return [
        dataclasses.replace(row, label=_variant(row, found, sorted(varying[row.label]), row.label in several))
        if varying[row.label] or row.label in several
        else row
        for row, found in zip(rows, settings, strict=True)
    ]


def differing(a: dict[str, str], b: dict[str, str]) -> set[str]:
    """The names of the settings that are not the same in both."""
    return {name for name in a.keys() | b.keys() if a.get(name) != b.get(name)}


def setting_text(name: str, value: str | None) -> str:
    return f"{name.partition('.')[2]}={'unset' if value is None else value.strip(chr(34))}"


def _varying(alternatives: Iterable[dict[str, str]]) -> set[str]:
    first, *others = alternatives
    return set().union(*(differing(first, other) for other in others))


def _depends_on_rate(name: str, method: str) -> bool:
    """Whether the ladder of a method may set this; nothing is known of a method that is not installed."""
    names = _rate_settings(method)
    return names is None or any(name == own or name.startswith(f"{own}.") for own in names)


@functools.cache
def _rate_settings(method: str) -> set[str] | None:
    """What any rate of a method's ladder sets, and what is defined by other settings."""
    try:
        settings = default_settings({"method": method})["method"]
    except ConfigError:
        return None
    ladder = settings.pop("rates", None) or {}
    linked = {name for name, value in _flat("method", settings) if "${" in value}
    return linked | {f"method.{key}" for changes in ladder.values() for key in changes or {}}


def _ran_on(row: Row) -> tuple[str, str]:
    """The kind of device, and whose kernels fitted and compressed; rows of before had no choice of these."""
    return row.device.partition(":")[0], row.config.get("kernels", "ours")


def _dataset_settings(row: Row) -> dict[str, str]:
    return {
        name: value
        for name, value in _flat("dataset", row.config["dataset_settings"])
        if name.removeprefix("dataset.") not in _WHERE_NOT_WHAT
    }


def _settings_text(row: Row) -> str:
    """Equal for rows of equal settings of their methods."""
    return json.dumps(row.config["method_settings"], sort_keys=True)


def _variant(row: Row, settings: dict[str, str], names: list[str], with_method: bool) -> str:
    texts = [setting_text(name, settings.get(name)) for name in names]
    return f"{row.label} ({', '.join([f'method={row.method}'] * with_method + texts)})"


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _flat(f"{prefix}.{key}", child)
    else:
        yield prefix, json.dumps(value)
