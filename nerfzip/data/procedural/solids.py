"""Signed distances to the kinds of solid that random objects are made of, in the solid's own axes.

They are negative inside, and outside never more than the true distance (often less), so a ray may go so far at once.
"""

import math

from nerfzip.data.compile import inner
from nerfzip.data.vectors import Vector

SUPERQUADRIC = 0
"""size: half axes; shape: the exponents along z and around it (1, 1 an ellipsoid; towards 0 a box)."""
ROUNDED_BOX = 1
"""size: half edges; shape: (radius of the edges, unused)"""
PRISM = 2
"""An extruded regular polygon. size: (radius, unused, half height); shape: (corners, radians that it
turns a unit of height)"""
FLOWER = 3
"""An extruded outline that waves around a circle. size as of a prism, with the depth of the waves, as a share of the
radius, for the second; shape: (waves, twist)"""
RING = 4
"""A torus. size: (radius of the ring, unused, radius of the tube)"""
CONE = 5
"""A truncated cone. size: (radius at the bottom, at the top, half height)"""

STEEPEST_FLOWER = 0.45
"""What is left of a distance where the waves of a flower run towards the axis."""
STEEPEST_TWIST = 0.7


@inner
def _superquadric(point: Vector, size: Vector, along_axis: float, around: float) -> float:
    x, y, z = abs(point[0]) / size[0], abs(point[1]) / size[1], abs(point[2]) / size[2]
    flat = (x ** (2 / around) + y ** (2 / around)) ** (around / along_axis)
    gauge = (flat + z ** (2 / along_axis)) ** (along_axis / 2)
    return (gauge - 1.0) * min(size[0], min(size[1], size[2])) / max(1.0, max(along_axis, around))


@inner
def _rounded_box(point: Vector, size: Vector, radius: float) -> float:
    x = abs(point[0]) - size[0] + radius
    y = abs(point[1]) - size[1] + radius
    z = abs(point[2]) - size[2] + radius
    outside = math.sqrt(max(x, 0.0) ** 2 + max(y, 0.0) ** 2 + max(z, 0.0) ** 2)
    return outside + min(max(x, max(y, z)), 0.0) - radius


@inner
def _extruded(outline: float, height: float, half_height: float) -> float:
    over = abs(height) - half_height
    return math.sqrt(max(outline, 0.0) ** 2 + max(over, 0.0) ** 2) + min(max(outline, over), 0.0)


@inner
def _prism(point: Vector, size: Vector, corners: float, twist: float) -> float:
    angle = math.atan2(point[1], point[0]) + twist * point[2]
    sector = 2.0 * math.pi / corners
    offset = angle - sector * math.floor(angle / sector) - sector / 2
    radius = math.sqrt(point[0] * point[0] + point[1] * point[1])
    outline = radius * math.cos(offset) - size[0] * math.cos(sector / 2)
    return _extruded(outline, point[2], size[2]) * (STEEPEST_TWIST if twist else 1.0)


@inner
def _flower(point: Vector, size: Vector, waves: float, twist: float) -> float:
    angle = math.atan2(point[1], point[0]) + twist * point[2]
    radius = math.sqrt(point[0] * point[0] + point[1] * point[1])
    outline = radius - size[0] * (1.0 + size[1] * math.cos(waves * angle)) / (1.0 + size[1])
    return _extruded(outline, point[2], size[2]) * STEEPEST_FLOWER


@inner
def _ring(point: Vector, size: Vector) -> float:
    from_ring = math.sqrt(point[0] * point[0] + point[1] * point[1]) - size[0]
    return math.sqrt(from_ring * from_ring + point[2] * point[2]) - size[2]


@inner
def _cone(point: Vector, size: Vector) -> float:
    bottom, top, half_height = size
    slope = (top - bottom) / (2.0 * half_height)
    radius = math.sqrt(point[0] * point[0] + point[1] * point[1])
    side = (radius - (bottom + top) / 2 - slope * point[2]) / math.sqrt(1.0 + slope * slope)
    return max(side, abs(point[2]) - half_height)


@inner
def distance(kind: int, point: Vector, size: Vector, shape: tuple[float, float]) -> float:
    if kind == SUPERQUADRIC:
        return _superquadric(point, size, shape[0], shape[1])
    if kind == ROUNDED_BOX:
        return _rounded_box(point, size, shape[0])
    if kind == PRISM:
        return _prism(point, size, shape[0], shape[1])
    if kind == FLOWER:
        return _flower(point, size, shape[0], shape[1])
    if kind == RING:
        return _ring(point, size)
    return _cone(point, size)
