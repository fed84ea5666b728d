"""Intersections against dense sampling of implicit functions, normals against their numerical gradients."""

import math

import numpy as np
import pytest
from numpy.linalg import norm

from nerfzip.data.procedural.shapes import BOX, FRUSTUM, SPHERE, TORUS, hit, normal
from nerfzip.data.procedural.textures import PRINT, mix_of

SOLIDS = {
    "sphere": (SPHERE, (0.7, 0.0, 0.0)),
    "box": (BOX, (0.3, 0.8, 0.5)),
    "plate": (BOX, (0.9, 0.01, 0.6)),
    "cylinder": (FRUSTUM, (0.4, 0.4, 0.8)),
    "rod": (FRUSTUM, (0.02, 0.02, 0.9)),
    "frustum": (FRUSTUM, (0.8, 0.3, 0.4)),
    "flat frustum": (FRUSTUM, (0.2, 0.9, 0.1)),
    "cone": (FRUSTUM, (0.7, 0.0, 0.5)),
    "torus": (TORUS, (0.7, 0.2, 0.0)),
    "thin torus": (TORUS, (0.9, 0.02, 0.0)),
}


def implicit(kind: int, size: tuple[float, float, float], points: np.ndarray) -> np.ndarray:
    """Negative inside, positive outside, continuous."""
    x, y, z = np.moveaxis(points, -1, 0)
    from_axis = np.hypot(x, y)
    if kind == SPHERE:
        return norm(points, axis=-1) - size[0]
    if kind == BOX:
        return np.max(np.abs(points) - np.array(size), axis=-1)
    if kind == FRUSTUM:
        share = (z + size[2]) / (2 * size[2])
        return np.maximum(from_axis - (1 - share) * size[0] - share * size[1], np.abs(z) - size[2])
    return np.hypot(from_axis - size[0], z) - size[1]


def rays(kind: int, size: tuple[float, float, float], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Towards the surface and past it, from outside and from near by, and a few along the axes."""
    random = np.random.default_rng(1)
    origins = random.normal(size=(count, 3))
    origins *= np.where(np.arange(count) % 4 == 0, 0.2, 2.5)[:, None] / norm(origins, axis=1, keepdims=True)
    candidates = random.uniform(-1, 1, (count, 400, 3))
    nearest = np.abs(implicit(kind, size, candidates)).argmin(axis=1)
    directions = candidates[np.arange(count), nearest] - origins
    directions[:6] = np.concatenate([np.eye(3), -np.eye(3)])
    origins[:6] = [0.011, 0.007, 0.005] - 2.0 * directions[:6]
    return origins, directions / norm(directions, axis=1, keepdims=True)


@pytest.mark.parametrize("name", SOLIDS)
def test_hits_are_the_first_change_of_sign_along_the_ray(name: str) -> None:
    kind, size = SOLIDS[name]
    step = 0.002
    distances = np.arange(0, 4.5, step)
    hits = 0
    for origin, direction in zip(*rays(kind, size, 300), strict=True):
        distance = hit(kind, tuple(origin), tuple(direction), size)
        inside = implicit(kind, size, origin + distances[:, None] * direction) < 0
        changes = np.flatnonzero(inside[1:] != inside[:-1])
        seen = distances[changes[0] + 1] if len(changes) else math.inf
        assert 0 < distance <= seen
        if math.isfinite(distance):
            hits += 1
            assert abs(implicit(kind, size, origin + distance * direction)) < 1e-9
            # Where the samples saw it later, it grazes something thinner than a step.
            assert seen - distance <= step or implicit(kind, size, origin + (distance + step) * direction) > 0
    assert hits > 50


@pytest.mark.parametrize("name", SOLIDS)
def test_normals_are_gradients(name: str) -> None:
    kind, size = SOLIDS[name]
    small = 1e-6
    checked = 0
    for origin, direction in zip(*rays(kind, size, 120), strict=True):
        distance = hit(kind, tuple(origin), tuple(direction), size)
        if math.isfinite(distance):
            point = origin + distance * direction
            ahead, behind = (implicit(kind, size, point + sign * small * np.eye(3)) for sign in (1, -1))
            gradient = (ahead - behind) / (2 * small)
            np.testing.assert_allclose(normal(kind, tuple(point), size), gradient / norm(gradient), atol=1e-4)
            checked += 1
    assert checked > 20


def test_textures_mix_between_their_two_colours() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (400, 3)).tolist()
    for texture in range(PRINT + 1):
        mixes = [mix_of(texture, tuple(point), 20.0) for point in points]
        assert min(mixes) >= 0 and max(mixes) <= 1
        assert texture == 0 or max(mixes) - min(mixes) > 0.3
