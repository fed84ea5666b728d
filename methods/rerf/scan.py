"""The order of a block's coefficients: by diagonal, the lowest frequencies first."""

import itertools

import numpy as np

from methods.rerf.blocks import BLOCK

_PLACES = sorted(itertools.product(range(BLOCK), repeat=3), key=lambda place: (sum(place), place))

SCAN = np.array([(i * BLOCK + j) * BLOCK + k for i, j, k in _PLACES])
"""Place in the block (C order) of each coefficient in the order of coding: JPEG's zig-zag in three dimensions."""
DIAGONALS = 3 * (BLOCK - 1)
"""Of the coefficients behind the first; those of a diagonal have the same sum of indices."""
DIAGONAL_STARTS = np.searchsorted([sum(place) for place in _PLACES], np.arange(DIAGONALS + 2))
"""Where each diagonal begins in the order of coding, and where the last one ends."""


def lower_neighbours() -> np.ndarray:
    """For each coefficient, in the order of coding, the three whose index is one lower along an axis.

    Where there is none: 512, behind the last.
    """
    order = {place: n for n, place in enumerate(_PLACES)}
    below = [[order.get((i - 1, j, k)), order.get((i, j - 1, k)), order.get((i, j, k - 1))] for i, j, k in _PLACES]
    return np.array([[len(_PLACES) if n is None else n for n in row] for row in below])
