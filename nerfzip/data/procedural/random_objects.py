"""Random objects: a few solids, joined or cut out of one another, each with a material."""

import colorsys
import math

import numpy as np
from jaxtyping import Float, Shaped
from scipy.spatial.transform import Rotation

from nerfzip.data.procedural.object_tracing import sample_distances
from nerfzip.data.procedural.parts import PLACED_SOLID
from nerfzip.data.procedural.solids import CONE, FLOWER, PRISM, RING, ROUNDED_BOX, SUPERQUADRIC
from nerfzip.data.procedural.textures import (
    BANDS,
    CHECKS,
    CONTINENTS,
    MARBLE,
    PLAIN,
    PRINT,
    STRIPES,
    TICKS,
    WOOD,
)

PACKED_SOLID = np.dtype([*PLACED_SOLID, ("cuts", np.bool_), ("shape", np.float64, 2)])
"""A solid and its material, as the compiled tracer reads it. All lengths are world units."""

TEXTURES = {PLAIN: 1, CHECKS: 10, STRIPES: 8, TICKS: 24, WOOD: 14, MARBLE: 5, CONTINENTS: 5, BANDS: 6, PRINT: 30}
"""With about how many features a world unit, or around the axis."""
MOST_SOLIDS, MOST_CUTS = 5, 2
GRID = 72
"""Cells along each side of the cube in which an object's extent is found."""
REACH = 0.48
"""World units: how far an object's furthest point is from the middle, so that the cameras see all of it."""
LEAST_SHARE = 0.004
"""Of the cube of ±1 that an object fills; one that has been cut away is drawn again."""


def random_object(seed: tuple[int, ...]) -> Shaped[np.ndarray, "solids"]:
    """An array of `PACKED_SOLID`, the same for the same seed, as large as the sphere in the cube of ±0.5."""
    draws = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    while True:
        solids = _assembled(draws)
        inside = sample_distances(solids, GRID) < 0
        if inside.mean() > LEAST_SHARE:
            return _fitted(solids, inside)


def _assembled(draws: np.random.Generator) -> Shaped[np.ndarray, "solids"]:
    joined = int(draws.integers(1, MOST_SOLIDS + 1))
    cuts = int(draws.integers(0, MOST_CUTS + 1)) if draws.random() < 0.5 else 0
    solids = np.zeros(joined + cuts, dtype=PACKED_SOLID)
    for index, solid in enumerate(solids):
        solid["cuts"] = index >= joined
        largest = draws.uniform(0.35, 0.5) if index == 0 else draws.uniform(0.15, 0.35)
        _shape(solid, largest, draws)
        _place(solid, solids[:index], draws)
        _material(solid, draws)
    return solids


def _shape(solid: np.void, largest: float, draws: np.random.Generator) -> None:
    """A kind, and measures with nothing further than about `largest` from the centre."""
    kind = int(draws.choice([SUPERQUADRIC, ROUNDED_BOX, PRISM, FLOWER, RING, CONE], p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.15]))
    a, b, c = largest * draws.uniform(0.35, 1.0, 3)
    shape = (0.0, 0.0)
    if kind == SUPERQUADRIC:
        shape = (draws.uniform(0.25, 1.5), draws.uniform(0.25, 1.5))
        reach = math.sqrt(a * a + b * b + c * c)
    elif kind == ROUNDED_BOX:
        shape = (draws.uniform(0.02, 0.5) * min(a, b, c), 0.0)
        reach = math.sqrt(a * a + b * b + c * c)
    elif kind == PRISM:
        shape = (float(draws.integers(3, 9)), draws.uniform(-2, 2) if draws.random() < 0.4 else 0.0)
        reach = math.hypot(a, c)
    elif kind == FLOWER:
        waves = int(draws.integers(3, 9))
        b, shape = draws.uniform(0.05, 1.4 / waves), (float(waves), draws.uniform(-2, 2))
        reach = math.hypot(a, c)
    elif kind == RING:
        c = a * draws.uniform(0.15, 0.5)
        reach = a + c
    else:
        b = a * draws.uniform(0.0, 1.0)
        reach = math.hypot(a, c)
    solid["kind"], solid["size"], solid["shape"], solid["reach"] = kind, (a, b, c), shape, reach


def _place(solid: np.void, before: np.ndarray, draws: np.random.Generator) -> None:
    """Upright or turned, and where it touches one of the solids before it."""
    upright = draws.random() < 0.5
    rotation = (
        Rotation.from_euler("z", draws.uniform(0, 2 * math.pi)) if upright else Rotation.random(random_state=draws)
    )
    solid["rotation"] = rotation.as_matrix()
    if len(before):
        base = before[int(draws.integers(len(before)))]
        direction = draws.normal(size=3)
        direction /= np.linalg.norm(direction)
        solid["centre"] = base["centre"] + draws.uniform(0.4, 0.9) * base["reach"] * direction
    solid["centre"] = np.clip(solid["centre"], -0.45, 0.45)


def _material(solid: np.void, draws: np.random.Generator) -> None:
    texture = int(draws.choice(list(TEXTURES)))
    solid["texture"], solid["scale"] = texture, TEXTURES[texture] * draws.uniform(0.6, 1.5)
    solid["first"], solid["second"] = _linear_colour(draws), _linear_colour(draws)
    glossy = draws.random() < 0.4
    solid["specular"] = draws.uniform(0.3, 1.0) if glossy else draws.uniform(0.0, 0.1)
    solid["sharpness"] = int(draws.integers(3, 7))


def _linear_colour(draws: np.random.Generator) -> Float[np.ndarray, "3"]:
    hue, saturation, value = draws.random(), draws.random() ** 0.7, draws.uniform(0.1, 1.0)
    return np.square(colorsys.hsv_to_rgb(hue, saturation, value))


def _fitted(solids: np.ndarray, inside: np.ndarray) -> Shaped[np.ndarray, "solids"]:
    """Moved and scaled into a sphere in the cube of ±0.5. Textures grow along."""
    filled = (np.argwhere(inside) + 0.5) / GRID * 2 - 1
    middle = (filled.min(axis=0) + filled.max(axis=0)) / 2
    scale = REACH / float(np.linalg.norm(filled - middle, axis=1).max() + 1 / GRID)
    fitted = solids.copy()
    fitted["centre"] = (solids["centre"] - middle) * scale
    fitted["reach"] *= scale
    fitted["scale"] = np.where(solids["texture"] == TICKS, solids["scale"], solids["scale"] / scale)
    waves = solids["kind"] == FLOWER
    sizes = solids["size"] * scale
    # Of a flower the second is no length.
    sizes[waves, 1] = solids["size"][waves, 1]
    fitted["size"] = sizes
    boxes, turned = solids["kind"] == ROUNDED_BOX, (solids["kind"] == PRISM) | waves
    fitted["shape"][boxes, 0] *= scale
    fitted["shape"][turned, 1] /= scale
    return fitted
