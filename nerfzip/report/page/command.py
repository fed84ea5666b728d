"""The words of `nerfzip run` that make a point again, found by comparing its settings with those of its names."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerfzip.benchmark.row import Row
from nerfzip.config import NOT_ARGUMENTS, default_settings
from nerfzip.errors import ConfigError
from nerfzip.registry import check_name, conf_folders, names

_INTERPOLATION = re.compile(r"\$\{([\w.]+)\}")
_PLAIN = re.compile(r"(?!(?:true|false|null|inf|nan)$)[A-Za-z_/][\w/.-]*", re.IGNORECASE | re.ASCII)
"""Texts that Hydra reads as they are, without quotes."""


def method_words(row: Row) -> list[str]:
    """`method`, `method/base`, `rate`, the settings that differ from theirs, and `device`.

    Raises:
        ConfigError: the installed configuration does not have the row's names or settings.
    """
    settings = {"seed": row.seed, "method": row.config["method_settings"]}
    candidates = []
    errors = []
    for base in (None, *_bases(tuple(conf_folders()))):
        try:
            defaults = _method_defaults(row.method, base, row.rate)
            changes = list(_changes("method", settings["method"], defaults, settings))
        except ConfigError as error:
            errors.append(error)
            continue
        candidates.append(([] if base is None else [f"method/base={base}"], changes))
        # The row does not name its base: it is the one that leaves least to be said.
        if not any(word.startswith("method.base.") for word in changes):
            break
    if not candidates:
        raise errors[0]
    base_word, changes = min(candidates, key=lambda candidate: len(candidate[1]))
    device = row.device.partition(":")[0]
    return [f"method={row.method}", *base_word, f"rate={row.rate}", *changes, f"device={device}"]


def seed_and_label_words(row: Row) -> list[str]:
    return [f"seed={row.seed}", *([] if row.label == row.method else [f"label={value_text(row.label)}"])]


def dataset_words(row: Row) -> list[str]:
    """`dataset` and those settings that differ from its own.

    Raises:
        ConfigError: as `method_words`.
    """
    settings = {"seed": row.seed, "dataset": row.config["dataset_settings"]}
    defaults = _dataset_defaults(row.dataset)
    return [f"dataset={row.dataset}", *_changes("dataset", settings["dataset"], defaults, settings)]


def value_text(value: Any) -> str:
    """A value in Hydra's grammar.

    Raises:
        ConfigError: a text with an interpolation, which would be resolved.
    """
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{value_text(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(value_text, value)) + "]"
    if isinstance(value, str):
        if "${" in value:
            raise ConfigError(f"the value {value!r} can't be written as a word")
        # Backslashes are plain unless a quote follows.
        quoted = re.sub(r'(\\*)("|$)', lambda match: 2 * match[1] + match[2].replace('"', r"\""), value)
        return value if _PLAIN.fullmatch(value) else f'"{quoted}"'
    return repr(value) if isinstance(value, float) else json.dumps(value)


@functools.cache
def _method_defaults(method: str, base: str | None, rate: str) -> dict[str, Any]:
    chosen = {"method": method} | ({"method/base": base} if base else {})
    settings = default_settings(chosen)["method"]
    ladder = settings.get("rates") or {}
    if ladder:
        check_name(f"rate of {method}", rate, ladder)
    for key, value in (ladder.get(rate) or {}).items():
        *parents, last = key.split(".")
        functools.reduce(lambda node, name: node[name], parents, settings)[last] = value
    return {key: value for key, value in settings.items() if key not in NOT_ARGUMENTS}


@functools.cache
def _bases(folders: tuple[Path, ...]) -> list[str]:
    """The names in the configuration folders."""
    return names("method/base")


@functools.cache
def _dataset_defaults(dataset: str) -> dict[str, Any]:
    return default_settings({"dataset": dataset})["dataset"]


def _changes(prefix: str, found: dict[str, Any], defaults: dict[str, Any], settings: dict[str, Any]) -> Iterator[str]:
    """A word for each setting that is not the default. Interpolations of defaults are looked up in `settings`."""
    if found.keys() != defaults.keys():
        keys = ", ".join(f"{prefix}.{key}" for key in sorted(found.keys() ^ defaults.keys()))
        raise ConfigError(f"{keys}: a setting of the row or of the installed version alone")
    for key, value in found.items():
        name, default = f"{prefix}.{key}", defaults[key]
        if isinstance(value, dict) and isinstance(default, dict) and value and default:
            yield from _changes(name, value, default, settings)
            continue
        if isinstance(default, str) and (reference := _INTERPOLATION.fullmatch(default)):
            default = _look_up(reference[1], settings)
        if not _same(value, default):
            yield f"{name}={value_text(value)}"


def _same(a: Any, b: Any) -> bool:
    """Whether the settings are: 1 and 1.0 are not."""
    if isinstance(a, list | dict):
        return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
    return type(a) is type(b) and a == b


def _look_up(path: str, settings: Any) -> Any:
    for name in path.split("."):
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings
