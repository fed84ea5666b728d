"""Settings against the types of the constructor that gets them, before anything is built."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra.utils import get_object

from nerfzip.errors import ConfigError

_NAMES: dict[Any, str] = {
    int: "an integer",
    float: "a finite number",
    bool: "true or false",
    str: "text (a number as text: \"'123'\")",
    NoneType: "null",
}

# Hydra logs an import that fails, and Python prints what no handler takes; our error says the same.
logging.getLogger("hydra.utils").addHandler(logging.NullHandler())


def check_settings(settings: dict[str, Any], prefix: str) -> None:
    """Compare every setting with the annotation of the argument that it becomes, here and in what is built inside.

    Raises:
        ConfigError: a `_target_` can't be imported, or a setting is of the wrong type; it is named with `prefix`.
    """
    hints = _hints(str(settings.get("_target_")), prefix)
    for key, value in settings.items():
        where = f"{prefix}.{key}"
        if isinstance(value, dict) and "_target_" in value:
            check_settings(value, where)
        elif key in hints and not _accepts(hints[key], value):
            raise ConfigError(f"{where}: {value!r}, expected {_describe(hints[key])}")


def _hints(target: str, where: str) -> dict[str, Any]:
    try:
        found = get_object(target)
    except Exception as error:
        raise ConfigError(
            f"{where}._target_: {target} can't be imported ({error.__cause__ or error}); is its folder in PYTHONPATH?"
        ) from error
    return get_type_hints(found.__init__ if isinstance(found, type) else found)


def _accepts(hint: Any, value: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_accepts(choice, value) for choice in get_args(hint))
    if origin in (list, Sequence):
        return isinstance(value, list) and all(_accepts(get_args(hint)[0], entry) for entry in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (str, Path):
        return isinstance(value, str)
    if hint in (bool, NoneType):
        return isinstance(value, hint)
    # Anything else is the constructor's own affair.
    return True


def _describe(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(dict.fromkeys(_describe(choice) for choice in get_args(hint)))
    if get_origin(hint) in (list, Sequence):
        return f"a list, each entry {_describe(get_args(hint)[0])}"
    return _NAMES.get(str if hint is Path else hint, str(hint))
