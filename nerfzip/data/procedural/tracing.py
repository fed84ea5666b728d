"""The ray tracer: first hits, shadows and highlights, pixel by pixel in double precision."""

import math
from typing import Any

import numba
import numpy as np
from jaxtyping import Float, UInt8

from nerfzip.data.compile import inner, kernel
from nerfzip.data.procedural.shapes import hit, normal
from nerfzip.data.procedural.textures import mix_of
from nerfzip.data.vectors import Vector, along, dot, minus, mixed, normalised, rotate, rotate_back, vector
from nerfzip.geometry import Cameras

GENERATOR_VERSION = 1
"""Counted up by every change, in any file of this folder, that changes a pixel: part of fingerprints and cache paths.

It stands in this file because numba compiles a cached kernel again when the file of the kernel changes, and only then.
"""

# Unit vectors towards two distant lights, the first of which casts shadows, and the linear RGB strength of all light.
KEY = (0.48, -0.36, 0.8)
FILL = (-0.64, 0.48, 0.6)
KEY_COLOUR = (1.05, 1.0, 0.92)
FILL_COLOUR = (0.30, 0.36, 0.44)
SKY_COLOUR = (0.36, 0.38, 0.42)
GROUND_COLOUR = (0.16, 0.14, 0.12)
ROUNDING = 1e-5
"""World units: how far off its surface a shadow ray starts, so that rounding doesn't put it inside."""


@inner
def _hit(parts: np.ndarray, origin: Vector, direction: Vector, any_part: bool) -> tuple[float, int]:
    """The distance to the nearest surface (or to any one that is hit) and the index of its part, or infinity and -1."""
    nearest, nearest_part = math.inf, -1
    for index in range(len(parts)):
        part = parts[index]
        offset = minus(origin, vector(part["centre"]))
        middle = -dot(offset, direction)
        reach = part["reach"]
        # The bounding sphere: missed, behind the origin, or beyond what was found already.
        if dot(offset, offset) - middle * middle > reach * reach or middle < -reach or middle - reach > nearest:
            continue
        local_origin, local_direction = rotate_back(part["rotation"], offset), rotate_back(part["rotation"], direction)
        distance = hit(part["kind"], local_origin, local_direction, vector(part["size"]))
        if distance < nearest:
            nearest, nearest_part = distance, index
            if any_part:
                break
    return nearest, nearest_part


@inner
def highlight(surface: Vector, direction: Vector, light: Vector, sharpness: int) -> float:
    """Blinn's specular term, (n·h) to the power of 2^sharpness, by squaring."""
    strength = max(0.0, dot(surface, normalised(minus(light, direction))))
    for _ in range(sharpness):
        strength *= strength
    return strength


@inner
def _brightness(albedo: float, metal: float, diffuse: float, shine: float) -> float:
    """One channel of a colour, in [0, 1] and gamma 2; metals tint their highlights."""
    return math.sqrt(min(1.0, albedo * diffuse + (1.0 - metal + metal * albedo) * shine))


@inner
def _shade(parts: np.ndarray, part: Any, point: Vector, direction: Vector) -> Vector:
    """The colour, in [0, 1] and gamma 2, of a point on one of the parts that is seen along `direction`."""
    local = rotate_back(part["rotation"], minus(point, vector(part["centre"])))
    surface = rotate(part["rotation"], normal(part["kind"], local, vector(part["size"])))

    # The weight of each light, diffuse and specular.
    sky, key, fill = 0.5 + 0.5 * surface[2], max(0.0, dot(surface, KEY)), max(0.0, dot(surface, FILL))
    if key > 0.0 and _hit(parts, along(point, surface, ROUNDING), KEY, True)[1] >= 0:
        key = 0.0
    key_shine = part["specular"] * highlight(surface, direction, KEY, part["sharpness"]) if key > 0.0 else 0.0
    fill_shine = part["specular"] * highlight(surface, direction, FILL, part["sharpness"]) if fill > 0.0 else 0.0

    albedo = mixed(vector(part["first"]), vector(part["second"]), mix_of(part["texture"], local, part["scale"]))
    ambient = mixed(GROUND_COLOUR, SKY_COLOUR, sky)
    diffuse = along(along(ambient, KEY_COLOUR, key), FILL_COLOUR, fill)
    shine = along(along((0.0, 0.0, 0.0), KEY_COLOUR, key_shine), FILL_COLOUR, fill_shine)
    metal = part["metal"]
    return (
        _brightness(albedo[0], metal, diffuse[0], shine[0]),
        _brightness(albedo[1], metal, diffuse[1], shine[1]),
        _brightness(albedo[2], metal, diffuse[2], shine[2]),
    )


@inner
def ray_direction(pose: np.ndarray, intrinsics: np.ndarray, column: float, line: float) -> Vector:
    """Of unit length, in the world, through a place in the image."""
    local = ((column - intrinsics[2]) / intrinsics[0], (line - intrinsics[3]) / intrinsics[1], 1.0)
    return normalised(rotate(pose, local))


@inner
def _select_near_line(
    parts: np.ndarray, pose: np.ndarray, intrinsics: np.ndarray, line: float, selected: np.ndarray
) -> int:
    """Copy the parts that rays through one line of an image may hit to `selected`, and count them."""
    origin = (pose[0, 3], pose[1, 3], pose[2, 3])
    # All these rays lie in one plane.
    normal_of_plane = normalised(rotate(pose, (0.0, 1.0, (intrinsics[3] - line) / intrinsics[1])))
    count = 0
    for index in range(len(parts)):
        part = parts[index]
        if abs(dot(minus(vector(part["centre"]), origin), normal_of_plane)) <= part["reach"] + ROUNDING:
            selected[count] = part
            count += 1
    return count


@kernel
def _trace_image(parts: np.ndarray, pose: np.ndarray, intrinsics: np.ndarray, samples: int, image: np.ndarray) -> None:
    origin = (pose[0, 3], pose[1, 3], pose[2, 3])
    height, width = image.shape[:2]
    for line in numba.prange(height):
        near_parts = np.empty_like(parts)
        colours, hits = np.zeros((width, 3)), np.zeros(width)
        for sample in range(samples):
            y = line + (sample + 0.5) / samples
            near = near_parts[: _select_near_line(parts, pose, intrinsics, y, near_parts)]
            for sample_column in range(width * samples):
                column = sample_column // samples
                direction = ray_direction(pose, intrinsics, (sample_column + 0.5) / samples, y)
                distance, index = _hit(near, origin, direction, False)
                if index >= 0:
                    colour = _shade(parts, near[index], along(origin, direction, distance), direction)
                    hits[column] += 1.0
                    for channel in range(3):
                        colours[column, channel] += colour[channel]
        for column in range(width):
            if hits[column] > 0.0:
                for channel in range(3):
                    image[line, column, channel] = np.uint8(255.0 * colours[column, channel] / hits[column] + 0.5)
            image[line, column, 3] = np.uint8(255.0 * hits[column] / (samples * samples) + 0.5)


@kernel
def _trace_depth(parts: np.ndarray, pose: np.ndarray, intrinsics: np.ndarray, depth: np.ndarray) -> None:
    origin = (pose[0, 3], pose[1, 3], pose[2, 3])
    for line in numba.prange(depth.shape[0]):
        for column in range(depth.shape[1]):
            direction = ray_direction(pose, intrinsics, column + 0.5, line + 0.5)
            depth[line, column] = _hit(parts, origin, direction, False)[0]


def camera_arrays(cameras: Cameras, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Camera-to-world matrix and intrinsics of one camera, in double precision."""
    return cameras.camera_to_world[index].double().numpy(), cameras.intrinsics[index].double().numpy()


def trace_image(parts: np.ndarray, cameras: Cameras, index: int, samples: int) -> UInt8[np.ndarray, "height width 4"]:
    """One view with straight alpha, the mean of `samples` × `samples` rays a pixel (of premultiplied colour).

    Alpha is the share of the rays that hit something; where none does, the pixel is all zero.
    """
    image = np.zeros((cameras.height, cameras.width, 4), dtype=np.uint8)
    _trace_image(parts, *camera_arrays(cameras, index), samples, image)
    return image


def trace_depth(parts: np.ndarray, cameras: Cameras, index: int) -> Float[np.ndarray, "height width"]:
    """Exact distances, float32 world units, along the rays through the pixel centres; infinity where nothing is hit."""
    depth = np.empty((cameras.height, cameras.width), dtype=np.float64)
    _trace_depth(parts, *camera_arrays(cameras, index), depth)
    return depth.astype(np.float32)
