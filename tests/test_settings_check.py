"""Settings of the wrong type are refused by name before anything is built."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nerfzip.errors import ConfigError
from nerfzip.settings_check import check_settings


class Inner:
    def __init__(self, rate: float) -> None: ...


class Outer:
    def __init__(
        self,
        size: int,
        rate: float,
        name: str,
        folder: str | Path,
        seen: bool,
        near: float | None,
        at: list[int],
        box: Sequence[Sequence[float]] | None,
        inner: Inner,
        anything: Any,
    ) -> None: ...


HERE = f"{__name__}"
GOOD: dict[str, Any] = {
    "_target_": f"{HERE}.Outer",
    "size": 3,
    "rate": 1,
    "name": "fox",
    "folder": "captures",
    "seen": True,
    "near": None,
    "at": [1, 2],
    "box": [[0, 0.5, 1], [1, 1, 2]],
    "inner": {"_target_": f"{HERE}.Inner", "rate": 0.5},
    "anything": object(),
}


def test_what_fits_is_accepted() -> None:
    check_settings(GOOD, "method")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("size", "big", "method.size: 'big', expected an integer"),
        ("size", 2.5, "method.size: 2.5, expected an integer"),
        ("size", True, "method.size: True, expected an integer"),
        ("rate", "abc", "method.rate: 'abc', expected a finite number"),
        ("rate", float("nan"), "method.rate: nan, expected a finite number"),
        ("name", 123, "method.name: 123, expected text"),
        ("folder", 1.5, "method.folder: 1.5, expected text"),
        ("seen", "yes", "method.seen: 'yes', expected true or false"),
        ("near", "far", "method.near: 'far', expected a finite number or null"),
        ("at", [1, 2.5], "method.at: [1, 2.5], expected a list, each entry an integer"),
        ("at", 3, "method.at: 3, expected a list"),
        ("box", [1, 2], "method.box: [1, 2], expected a list, each entry a list, each entry a finite number or null"),
        ("inner", {"_target_": f"{HERE}.Inner", "rate": "x"}, "method.inner.rate: 'x', expected a finite number"),
    ],
)
def test_what_does_not_fit_is_named(key: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_settings({**GOOD, key: value}, "method")
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("target", [f"{HERE}.Outter", "no_such_package.Method"])
def test_a_target_that_cannot_be_imported(target: str) -> None:
    with pytest.raises(ConfigError, match=r"method\._target_: .* can't be imported .*PYTHONPATH"):
        check_settings({"_target_": target}, "method")
