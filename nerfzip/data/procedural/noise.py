"""Procedural noise from integer hashes: the same bits on every machine."""

import math

import numpy as np

from nerfzip.data.compile import inner
from nerfzip.data.vectors import Vector

# The multipliers and the finaliser of MurmurHash3, 32 bits.
MIX_1, MIX_2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
STRIDE_Y, STRIDE_Z = np.uint32(0x9E3779B1), np.uint32(0x27D4EB2F)
SHIFT_13, SHIFT_16 = np.uint32(13), np.uint32(16)


@inner
def random_at(x: int, y: int, z: int) -> float:
    """A number in [0, 1) that looks random and depends on three integers only."""
    bits = np.uint32(np.uint32(x) + np.uint32(np.uint32(y) * STRIDE_Y) + np.uint32(np.uint32(z) * STRIDE_Z))
    bits = np.uint32((bits ^ (bits >> SHIFT_16)) * MIX_1)
    bits = np.uint32((bits ^ (bits >> SHIFT_13)) * MIX_2)
    bits = bits ^ (bits >> SHIFT_16)
    return float(bits) / 4294967296.0


@inner
def _smooth(x: float) -> float:
    return x * x * (3.0 - 2.0 * x)


@inner
def value_noise(x: float, y: float, z: float) -> float:
    """Random values at the integer lattice, smoothly interpolated; in [0, 1)."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    u, v, w = _smooth(x - i), _smooth(y - j), _smooth(z - k)
    total = 0.0
    for dz in range(2):
        for dy in range(2):
            edge = (1.0 - u) * random_at(i, j + dy, k + dz) + u * random_at(i + 1, j + dy, k + dz)
            total += edge * (v if dy else 1.0 - v) * (w if dz else 1.0 - w)
    return total


@inner
def fractal_noise(point: Vector, scale: float, octaves: int) -> float:
    """Octaves of value noise, each of half the size and half the strength of the one before; in [0, 1)."""
    total, weight, sum_of_weights = 0.0, 1.0, 0.0
    for octave in range(octaves):
        # The offset keeps the lattices of the octaves from coinciding at the origin.
        total += weight * value_noise(point[0] * scale + 17.0 * octave, point[1] * scale, point[2] * scale)
        sum_of_weights += weight
        weight, scale = weight / 2, scale * 2
    return total / sum_of_weights
