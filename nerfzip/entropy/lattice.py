"""Neighbourhoods on a padded 3-D lattice.

A grid is padded by `PAD` empty voxels on each side and flattened with z fastest, so that a neighbour is a constant
step away and no voxel needs a check at the border. An offset is *causal* when it points to a voxel that comes earlier
in that order.
"""

import itertools

import numpy as np
from jaxtyping import Int64, Shaped

PAD = 2


def pad(grid: Shaped[np.ndarray, "X Y Z"]) -> Shaped[np.ndarray, "X+4 Y+4 Z+4"]:
    """The grid with empty (zero) borders."""
    return np.pad(grid, PAD)


def crop(padded: Shaped[np.ndarray, "X+4 Y+4 Z+4"]) -> Shaped[np.ndarray, "X Y Z"]:
    """The inverse of `pad`."""
    return padded[PAD:-PAD, PAD:-PAD, PAD:-PAD]


def nearest_offsets(count: int, causal: bool) -> Int64[np.ndarray, "count 3"]:
    """The `count` nearest neighbours within `PAD` voxels, from near to far; ties in lattice order, last first."""
    steps = range(-PAD, PAD + 1)
    offsets = [o for o in itertools.product(steps, steps, steps) if (o < (0, 0, 0) if causal else o != (0, 0, 0))]
    offsets.sort(key=lambda o: (sum(step * step for step in o), tuple(-step for step in o)))
    return np.array(offsets[:count], np.int64)


def flat_steps(offsets: Int64[np.ndarray, "n 3"], padded_shape: tuple[int, ...]) -> Int64[np.ndarray, "n"]:
    """Offsets as steps in the flattened padded grid."""
    _, y, z = padded_shape
    return offsets @ np.array([y * z, z, 1], np.int64)
