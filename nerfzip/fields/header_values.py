"""Values in a file's header, checked."""

import math
from collections.abc import Iterable
from typing import Any

from nerfzip.errors import BitstreamError
from nerfzip.geometry import Box

LARGEST_EXTENT = 1e6
"""Of a box from the origin, world units."""


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


def number(header: dict[str, Any], key: str, least: float, most: float) -> float:
    """`header[key]`, a finite number between these limits, or BitstreamError."""
    return numbers({key: [header.get(key)]}, key, 1, least, most)[0]


def integer(header: dict[str, Any], key: str, least: int, most: int) -> int:
    """`header[key]`, an integer between these limits, or BitstreamError."""
    return integers({key: [header.get(key)]}, key, 1, least, most)[0]


def box(header: dict[str, Any]) -> Box:
    """`header["box"]`, the lowest corner and the highest, or BitstreamError."""
    low_x, low_y, low_z, high_x, high_y, high_z = numbers(header, "box", 6, -LARGEST_EXTENT, LARGEST_EXTENT)
    corners = Box((low_x, low_y, low_z), (high_x, high_y, high_z))
    if min(corners.size) <= 0:
        raise BitstreamError(f"header.field.box: {header['box']}, expected corners from low to high")
    return corners


def object_of(header: dict[str, Any], key: str, names: Iterable[str]) -> dict[str, Any]:
    """`header[key]`, an object of just these names, or BitstreamError."""
    value, expected = header.get(key), sorted(names)
    if not isinstance(value, dict) or sorted(value) != expected:
        raise BitstreamError(f"header.field.{key}: {value!r}, expected an object of {', '.join(expected)}")
    return value


def length(header: dict[str, Any], key: str, most: int) -> int:
    """How long the list `header[key]` is, at least 1, or BitstreamError."""
    found = len(header[key]) if isinstance(header.get(key), list) else 0
    if not 1 <= found <= most:
        raise BitstreamError(f"header.field.{key}: expected a list of 1 to {most} numbers")
    return found
