"""Triples of floats inside the compiled tracer. Tuples live in registers; small arrays would be allocated."""

import math
from typing import Any

from nerfzip.data.compile import inner

Vector = tuple[float, float, float]


@inner
def dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inner
def along(origin: Vector, direction: Vector, distance: float) -> Vector:
    """The point at `distance` along a ray."""
    return (
        origin[0] + distance * direction[0],
        origin[1] + distance * direction[1],
        origin[2] + distance * direction[2],
    )


@inner
def normalised(a: Vector) -> Vector:
    scale = 1.0 / math.sqrt(dot(a, a))
    return (a[0] * scale, a[1] * scale, a[2] * scale)


@inner
def minus(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


@inner
def mixed(a: Vector, b: Vector, share: float) -> Vector:
    """`a` where `share` is 0, `b` where it is 1."""
    return along(a, minus(b, a), share)


@inner
def vector(array: Any) -> Vector:
    return (array[0], array[1], array[2])


@inner
def rotate(rotation: Any, a: Vector) -> Vector:
    """`rotation @ a` for an array of 3×3."""
    return (
        rotation[0, 0] * a[0] + rotation[0, 1] * a[1] + rotation[0, 2] * a[2],
        rotation[1, 0] * a[0] + rotation[1, 1] * a[1] + rotation[1, 2] * a[2],
        rotation[2, 0] * a[0] + rotation[2, 1] * a[1] + rotation[2, 2] * a[2],
    )


@inner
def rotate_back(rotation: Any, a: Vector) -> Vector:
    """`rotation.T @ a`, the inverse of `rotate`."""
    return (
        rotation[0, 0] * a[0] + rotation[1, 0] * a[1] + rotation[2, 0] * a[2],
        rotation[0, 1] * a[0] + rotation[1, 1] * a[1] + rotation[2, 1] * a[2],
        rotation[0, 2] * a[0] + rotation[1, 2] * a[1] + rotation[2, 2] * a[2],
    )
