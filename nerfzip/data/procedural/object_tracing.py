"""Views of random objects: rays that go forward by the distance to the nearest surface (Hart 1996, sphere tracing)."""

import math
from typing import Any

import numba
import numpy as np
from jaxtyping import Float, UInt8

from nerfzip.data.compile import inner, kernel
from nerfzip.data.procedural.solids import distance
from nerfzip.data.procedural.textures import mix_of
from nerfzip.data.procedural.tracing import FILL, KEY, camera_arrays, highlight, ray_direction
from nerfzip.data.vectors import Vector, along, dot, minus, mixed, normalised, rotate_back, vector
from nerfzip.geometry import Cameras

OBJECT_VERSION = 1
"""Counted up by every change, in any file that a random object depends on, that changes a pixel."""

KEY_STRENGTH, FILL_STRENGTH, SKY, GROUND = 0.75, 0.35, 0.42, 0.18
"""Of the lights of the embedded scene, and from above and below; all white, so that colours are the objects' own."""
REACH = 0.87
"""Radius of the sphere that holds the cube of ±0.5."""
MOST_STEPS = 160
SURFACE = 2e-4
"""World units: what is so near is on the surface."""
PROBE = 4e-4
"""Half the distance between the points whose difference is the normal."""


@inner
def _nearest(parts: np.ndarray, point: Vector) -> tuple[float, int]:
    """Signed distance to the object, and the part whose surface is nearest. A part that cuts has the cut's colour."""
    total, nearest = math.inf, 0
    for index in range(len(parts)):
        part = parts[index]
        offset = minus(point, vector(part["centre"]))
        from_sphere = math.sqrt(dot(offset, offset)) - part["reach"]
        if part["cuts"]:
            if -from_sphere <= total:
                continue
        elif from_sphere >= total:
            continue
        local = rotate_back(part["rotation"], offset)
        own = distance(part["kind"], local, vector(part["size"]), (part["shape"][0], part["shape"][1]))
        if part["cuts"]:
            if -own > total:
                total, nearest = -own, index
        elif own < total:
            total, nearest = own, index
    return total, nearest


@inner
def _normal(parts: np.ndarray, point: Vector) -> Vector:
    x, y, z = point
    return normalised(
        (
            _nearest(parts, (x + PROBE, y, z))[0] - _nearest(parts, (x - PROBE, y, z))[0] + 1e-12,
            _nearest(parts, (x, y + PROBE, z))[0] - _nearest(parts, (x, y - PROBE, z))[0],
            _nearest(parts, (x, y, z + PROBE))[0] - _nearest(parts, (x, y, z - PROBE))[0],
        )
    )


@inner
def _march(parts: np.ndarray, origin: Vector, direction: Vector) -> tuple[float, int]:
    """How far the first surface is, and its part; infinity where the ray misses the object."""
    middle = -dot(origin, direction)
    closest = along(origin, direction, middle)
    square = REACH * REACH - dot(closest, closest)
    if square <= 0.0:
        return math.inf, -1
    t, end = max(0.0, middle - math.sqrt(square)), middle + math.sqrt(square)
    for _ in range(MOST_STEPS):
        free, part = _nearest(parts, along(origin, direction, t))
        if free < SURFACE:
            return t, part
        t += free
        if t > end:
            break
    return math.inf, -1


@inner
def _colour(parts: np.ndarray, part: Any, point: Vector, direction: Vector) -> Vector:
    """In [0, 1] and gamma 2."""
    surface = _normal(parts, point)
    local = rotate_back(part["rotation"], minus(point, vector(part["centre"])))
    albedo = mixed(vector(part["first"]), vector(part["second"]), mix_of(part["texture"], local, part["scale"]))
    key, fill = max(0.0, dot(surface, KEY)), max(0.0, dot(surface, FILL))
    light = GROUND + (SKY - GROUND) * (0.5 + 0.5 * surface[2]) + KEY_STRENGTH * key + FILL_STRENGTH * fill
    sharpness = part["sharpness"]
    key_shine = KEY_STRENGTH * highlight(surface, direction, KEY, sharpness)
    shine = part["specular"] * (key_shine + FILL_STRENGTH * highlight(surface, direction, FILL, sharpness))
    return (
        math.sqrt(min(1.0, albedo[0] * light + shine)),
        math.sqrt(min(1.0, albedo[1] * light + shine)),
        math.sqrt(min(1.0, albedo[2] * light + shine)),
    )


@kernel
def _trace(parts: np.ndarray, pose: np.ndarray, intrinsics: np.ndarray, samples: int, image: np.ndarray) -> None:
    origin = (pose[0, 3], pose[1, 3], pose[2, 3])
    height, width = image.shape[:2]
    for line in numba.prange(height):
        for column in range(width):
            hits, red, green, blue = 0, 0.0, 0.0, 0.0
            for sample in range(samples * samples):
                x = column + (sample % samples + 0.5) / samples
                y = line + (sample // samples + 0.5) / samples
                direction = ray_direction(pose, intrinsics, x, y)
                far, part = _march(parts, origin, direction)
                if part >= 0:
                    colour = _colour(parts, parts[part], along(origin, direction, far), direction)
                    hits += 1
                    red, green, blue = red + colour[0], green + colour[1], blue + colour[2]
            if hits:
                image[line, column, 0] = np.uint8(255.0 * red / hits + 0.5)
                image[line, column, 1] = np.uint8(255.0 * green / hits + 0.5)
                image[line, column, 2] = np.uint8(255.0 * blue / hits + 0.5)
            image[line, column, 3] = np.uint8(255.0 * hits / (samples * samples) + 0.5)


@kernel
def _sample(parts: np.ndarray, distances: np.ndarray) -> None:
    count = len(distances)
    for i in numba.prange(count):
        for j in range(count):
            for k in range(count):
                x, y, z = (2 * i + 1) / count - 1, (2 * j + 1) / count - 1, (2 * k + 1) / count - 1
                distances[i, j, k] = _nearest(parts, (x, y, z))[0]


def trace_object(parts: np.ndarray, cameras: Cameras, index: int, samples: int) -> UInt8[np.ndarray, "height width 4"]:
    """One view with straight alpha, the mean of `samples` × `samples` rays a pixel."""
    image = np.zeros((cameras.height, cameras.width, 4), dtype=np.uint8)
    _trace(parts, *camera_arrays(cameras, index), samples, image)
    return image


def sample_distances(parts: np.ndarray, count: int) -> Float[np.ndarray, "count count count"]:
    """Signed distances at the centres of equal cells that fill the cube of ±1."""
    distances = np.empty((count, count, count))
    _sample(parts, distances)
    return distances
