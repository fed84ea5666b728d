"""What a scene is made of: solids with a material and a place, and the arrays of them that the tracer reads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from nerfzip.data.procedural.shapes import BOX, FRUSTUM, SPHERE, TORUS
from nerfzip.data.procedural.textures import PLAIN
from nerfzip.geometry import Box

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """A texture that mixes two colours, and a highlight.

    Attributes:
        first, second: linear RGB in [0, 1].
        texture, scale: as in `textures.mix_of`.
        specular: strength of the highlight.
        metal: 0 for white highlights, 1 for highlights in the colour of the surface.
        sharpness: the Blinn exponent is two to the power of this.
    """

    first: Triple
    second: Triple = (0.0, 0.0, 0.0)
    texture: int = PLAIN
    scale: float = 1.0
    specular: float = 0.3
    metal: float = 0.0
    sharpness: int = 5


def turn(axis: str, angle: float) -> Float[np.ndarray, "3 3"]:
    """The rotation by `angle` radians, counter-clockwise, around the x, y or z axis."""
    cosine, sine = math.cos(angle), math.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = cosine
    rotation[first, second], rotation[second, first] = -sine, sine
    return rotation


@dataclass(frozen=True)
class Part:
    """One solid.

    Attributes:
        kind, size: as in `shapes`.
        centre: world units.
        rotation: from the solid's axes to the world's.
    """

    kind: int
    size: Triple
    material: Material
    centre: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))
    rotation: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))

    def turned(self, axis: str, angle: float) -> "Part":
        """The part turned around an axis through the origin."""
        rotation = turn(axis, angle)
        return Part(self.kind, self.size, self.material, rotation @ self.centre, rotation @ self.rotation)

    def moved(self, x: float, y: float, z: float) -> "Part":
        return Part(self.kind, self.size, self.material, self.centre + np.array([x, y, z]), self.rotation)

    def reach(self) -> float:
        """The radius of the sphere around the centre that holds the part."""
        a, b, c = self.size
        if self.kind == BOX:
            return math.sqrt(a * a + b * b + c * c)
        if self.kind == FRUSTUM:
            return math.hypot(max(a, b), c)
        return a + b if self.kind == TORUS else a

    def extent(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
        """The corners of the part's exact axis-aligned box."""
        axis = self.rotation[:, 2]
        # How far a circle of radius 1 around the part's axis reaches along x, y and z.
        circle = np.sqrt(np.clip(1 - axis**2, 0, None))
        a, b, c = self.size
        if self.kind == FRUSTUM:
            bottom, top = self.centre - c * axis, self.centre + c * axis
            return np.minimum(bottom - a * circle, top - b * circle), np.maximum(bottom + a * circle, top + b * circle)
        half = {SPHERE: np.full(3, a), BOX: np.abs(self.rotation) @ np.array(self.size), TORUS: a * circle + b}[
            self.kind
        ]
        return self.centre - half, self.centre + half


def sphere(radius: float, material: Material) -> Part:
    return Part(SPHERE, (radius, 0.0, 0.0), material)


def box(x: float, y: float, z: float, material: Material) -> Part:
    """A box of the given edge lengths."""
    return Part(BOX, (x / 2, y / 2, z / 2), material)


def frustum(bottom: float, top: float, height: float, material: Material) -> Part:
    return Part(FRUSTUM, (bottom, top, height / 2), material)


def torus(ring: float, tube: float, material: Material) -> Part:
    return Part(TORUS, (ring, tube, 0.0), material)


def rod(start: Triple, end: Triple, radius: float, material: Material) -> Part:
    """A thin cylinder between two points."""
    difference = np.subtract(end, start)
    length = float(np.linalg.norm(difference))
    tilt, heading = math.acos(difference[2] / length), math.atan2(difference[1], difference[0])
    x, y, z = (np.add(start, end) / 2).tolist()
    return frustum(radius, radius, length, material).turned("y", tilt).turned("z", heading).moved(x, y, z)


def bounding_box(parts: Sequence[Part], margin: float) -> Box:
    """The tight box around parts, enlarged by `margin`, a fraction of its size, all around."""
    corners = [part.extent() for part in parts]
    low = np.min([corner[0] for corner in corners], axis=0).tolist()
    high = np.max([corner[1] for corner in corners], axis=0).tolist()
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2])).enlarged(1 + 2 * margin)


PLACED_SOLID: list[Any] = [
    ("kind", np.int64),
    ("size", np.float64, 3),
    ("centre", np.float64, 3),
    ("rotation", np.float64, (3, 3)),
    ("reach", np.float64),
    ("first", np.float64, 3),
    ("second", np.float64, 3),
    ("texture", np.int64),
    ("scale", np.float64),
    ("specular", np.float64),
    ("sharpness", np.int64),
]
"""Fields of a solid, its place and its material, in any array that a tracer reads."""
PACKED_PART = np.dtype([*PLACED_SOLID, ("metal", np.float64)])
"""A part and its material as the compiled tracer reads it. (To pass an array for each field is ten times as slow.)"""


def pack(parts: Sequence[Part]) -> Shaped[np.ndarray, "parts"]:
    """Parts as an array of `PACKED_PART`."""
    packed = np.empty(len(parts), dtype=PACKED_PART)
    for record, part in zip(packed, parts, strict=True):
        record["reach"] = part.reach()
        for name in ("kind", "size", "centre", "rotation"):
            record[name] = getattr(part, name)
        for name in ("first", "second", "texture", "scale", "specular", "metal", "sharpness"):
            record[name] = getattr(part.material, name)
    return packed
