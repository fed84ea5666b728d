"""Lists of numbers in a file's header, checked."""

import math
from typing import Any

from nerfzip.errors import BitstreamError


def integers(header: dict[str, Any], key: str, count: int, least: int, most: int) -> list[int]:
    """`header[key]`, a list of `count` integers between these limits.

    Raises:
        BitstreamError: it is not.
    """
    values = header.get(key)
    if not isinstance(values, list) or len(values) != count or not all(type(v) is int for v in values):
        raise BitstreamError(f"header.field.{key}: {values!r}, expected {count} integers")
    if not all(least <= value <= most for value in values):
        raise BitstreamError(f"header.field.{key}: {values!r}, expected from {least} to {most}")
    return values


def numbers(header: dict[str, Any], key: str, count: int, least: float, most: float) -> list[float]:
    """`header[key]`, a list of `count` finite numbers between these limits.

    Raises:
        BitstreamError: it is not.
    """
    values = header.get(key)
    if not isinstance(values, list) or len(values) != count or not all(type(v) in (int, float) for v in values):
        raise BitstreamError(f"header.field.{key}: {values!r}, expected {count} numbers")
    if not all(math.isfinite(value) and least <= value <= most for value in values):
        raise BitstreamError(f"header.field.{key}: {values!r}, expected from {least} to {most}")
    return [float(value) for value in values]
