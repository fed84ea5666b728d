"""Where rays meet the four kinds of solid, and the surface normal there, in the solid's own axes.

Each solid is centred on the origin, with the z axis as its axis of symmetry. Every `hit_*` function returns the
smallest positive distance along a unit-length direction at which the ray crosses the surface, or infinity.
"""

import math

from nerfzip.data.compile import inner
from nerfzip.data.vectors import Vector, along, dot, normalised

SPHERE = 0
"""size = (radius, unused, unused)"""
BOX = 1
"""size = half the edge lengths along x, y, z"""
FRUSTUM = 2
"""A cylinder or a truncated cone with its caps. size = (radius at the bottom, radius at the top, half height)"""
TORUS = 3
"""size = (radius of the ring, radius of the tube, unused)"""

ROOT_STEPS = 80
ROOT_TOLERANCE = 1e-13


@inner
def hit_sphere(origin: Vector, direction: Vector, size: Vector) -> float:
    middle = -dot(origin, direction)
    closest = along(origin, direction, middle)
    square = size[0] * size[0] - dot(closest, closest)
    if square < 0.0:
        return math.inf
    half_chord = math.sqrt(square)
    if middle - half_chord > 0.0:
        return middle - half_chord
    return middle + half_chord if middle + half_chord > 0.0 else math.inf


@inner
def hit_box(origin: Vector, direction: Vector, size: Vector) -> float:
    enter, leave = -math.inf, math.inf
    for axis in range(3):
        # A direction of exactly zero would give 0/0 on a face.
        slope = direction[axis] if abs(direction[axis]) > 1e-12 else 1e-12
        first = (-size[axis] - origin[axis]) / slope
        second = (size[axis] - origin[axis]) / slope
        enter = max(enter, min(first, second))
        leave = min(leave, max(first, second))
    if leave < enter or leave <= 0.0:
        return math.inf
    return enter if enter > 0.0 else leave


@inner
def hit_frustum(origin: Vector, direction: Vector, size: Vector) -> float:
    bottom, top, half_height = size
    radius, slope = (bottom + top) / 2, (top - bottom) / (2 * half_height)
    nearest = math.inf
    # The side: x² + y² = (radius + slope·z)², a quadratic a·t² + 2b·t + c in the distance t.
    side_radius = radius + slope * origin[2]
    a = direction[0] * direction[0] + direction[1] * direction[1] - (slope * direction[2]) ** 2
    b = origin[0] * direction[0] + origin[1] * direction[1] - slope * direction[2] * side_radius
    c = origin[0] * origin[0] + origin[1] * origin[1] - side_radius * side_radius
    square = b * b - a * c
    if square < 0.0 and a > 0.0:
        return nearest
    if square >= 0.0:
        # q/a and c/q are the roots without cancellation; a = 0 makes one of them infinite, which the test below drops.
        q = -(b + math.copysign(math.sqrt(square), b))
        for distance in (q / a, c / q):
            if 0.0 < distance < nearest and abs(origin[2] + distance * direction[2]) <= half_height:
                nearest = distance
    for height, cap in ((-half_height, bottom), (half_height, top)):
        distance = (height - origin[2]) / direction[2]
        if 0.0 < distance < nearest:
            x, y = origin[0] + distance * direction[0], origin[1] + distance * direction[1]
            if x * x + y * y <= cap * cap:
                nearest = distance
    return nearest


@inner
def _cubic(s: float, square: float, linear: float) -> float:
    return (4 * s * s + 2 * square) * s + linear


@inner
def _quartic(s: float, square: float, linear: float, constant: float) -> float:
    return ((s * s + square) * s + linear) * s + constant


@inner
def _turning_point(low: float, high: float, square: float, linear: float) -> float:
    """The root between `low` and `high` of the quartic's derivative, which is monotonic there, by bisection."""
    rising = _cubic(high, square, linear) > 0.0
    for _ in range(ROOT_STEPS):
        middle = (low + high) / 2
        if high - low < ROOT_TOLERANCE:
            break
        if (_cubic(middle, square, linear) > 0.0) == rising:
            high = middle
        else:
            low = middle
    return middle


@inner
def _first_root(low: float, high: float, square: float, linear: float, constant: float) -> float:
    """The root of a quartic that is monotonic and changes its sign from `low` to `high`: Newton inside a bracket."""
    rising = _quartic(high, square, linear, constant) > 0.0
    s = (low + high) / 2
    for _ in range(ROOT_STEPS):
        value = _quartic(s, square, linear, constant)
        if (value > 0.0) == rising:
            high = s
        else:
            low = s
        following = s - value / _cubic(s, square, linear)
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - s) < ROOT_TOLERANCE:
            break
        s = following
    return s


@inner
def hit_torus(origin: Vector, direction: Vector, size: Vector) -> float:
    """(|p|² + R² - r²)² = 4R²(x² + y²), a quartic in the distance s from the point closest to the centre.

    Its roots are separated by the roots of its derivative, and those by the roots of its second derivative.
    """
    ring, tube, _ = size
    middle = -dot(origin, direction)
    p = along(origin, direction, middle)
    reach = (ring + tube) * (ring + tube) - dot(p, p)
    if reach <= 0.0:
        return math.inf
    # Only the part of the ray inside the bounding sphere and between the planes z = ±tube can meet the torus.
    start, end = max(-math.sqrt(reach), -middle), math.sqrt(reach)
    slope = direction[2] if abs(direction[2]) > 1e-12 else 1e-12
    below, above = (-tube - p[2]) / slope, (tube - p[2]) / slope
    start, end = max(start, min(below, above)), min(end, max(below, above))
    if end <= start:
        return math.inf
    # x² + y² along the ray. It is convex: where both ends are inside the hole of the ring, so is all between them.
    flat_square = direction[0] * direction[0] + direction[1] * direction[1]
    flat_linear = 2 * (p[0] * direction[0] + p[1] * direction[1])
    flat_constant = p[0] * p[0] + p[1] * p[1]
    at_start = (flat_square * start + flat_linear) * start + flat_constant
    at_end = (flat_square * end + flat_linear) * end + flat_constant
    if max(at_start, at_end) < (ring - tube) * (ring - tube):
        return math.inf
    ring_4 = 4 * ring * ring
    offset = dot(p, p) + ring * ring - tube * tube
    square = 2 * offset - ring_4 * flat_square
    linear = -ring_4 * flat_linear
    constant = offset * offset - ring_4 * flat_constant

    inflexion = math.sqrt(max(0.0, -square / 6))
    value = _quartic(start, square, linear, constant)
    low = start
    for bound in (-inflexion, inflexion, end):
        high = min(max(bound, low), end)
        # Between two inflexions the derivative has at most one root, which splits the interval into monotonic halves.
        turn = high
        if (_cubic(low, square, linear) > 0.0) != (_cubic(high, square, linear) > 0.0):
            turn = _turning_point(low, high, square, linear)
        for piece_end in (turn, high):
            piece_value = _quartic(piece_end, square, linear, constant)
            if (value > 0.0) != (piece_value > 0.0):
                return middle + _first_root(low, piece_end, square, linear, constant)
            low, value = piece_end, piece_value
    return math.inf


@inner
def hit(kind: int, origin: Vector, direction: Vector, size: Vector) -> float:
    if kind == SPHERE:
        return hit_sphere(origin, direction, size)
    if kind == BOX:
        return hit_box(origin, direction, size)
    if kind == FRUSTUM:
        return hit_frustum(origin, direction, size)
    return hit_torus(origin, direction, size)


@inner
def normal(kind: int, point: Vector, size: Vector) -> Vector:
    """The outward unit normal at a point of the surface."""
    x, y, z = point
    if kind == SPHERE:
        return normalised(point)
    if kind == BOX:
        depth_x, depth_y, depth_z = abs(x) - size[0], abs(y) - size[1], abs(z) - size[2]
        if depth_x >= depth_y and depth_x >= depth_z:
            return (math.copysign(1.0, x), 0.0, 0.0)
        if depth_y >= depth_z:
            return (0.0, math.copysign(1.0, y), 0.0)
        return (0.0, 0.0, math.copysign(1.0, z))
    from_axis = math.sqrt(x * x + y * y)
    if kind == FRUSTUM:
        bottom, top, half_height = size
        slope = (top - bottom) / (2 * half_height)
        side = from_axis - ((bottom + top) / 2 + slope * z)
        if abs(z) - half_height > side:
            return (0.0, 0.0, math.copysign(1.0, z))
        return normalised((x / from_axis, y / from_axis, -slope))
    inwards = 1.0 - size[0] / from_axis
    return normalised((x * inwards, y * inwards, z))
