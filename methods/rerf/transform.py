"""The transform of blocks: principal components of the features, 3-D DCT, quantization (sheet baselines.md §4, Codec).

The decoder's half is what the encoder's closed loop runs too, so that both go on from the same frame.
"""

import itertools
import math

import numpy as np
import torch
from jaxtyping import Float, Float16, Int16
from torch import Tensor

from methods.rerf.blocks import BLOCK

COARSER_FROM = 7
"""Channels from here on, the later half of the components behind the density, are coded one step of quality lower."""

# Rows (i, j) with i ≤ j: the entries for k = j … 7. All others follow by permutation of the indices.
_TABLE_ROWS = {
    (0, 0): (16, 12.3, 12.1, 14.1, 18, 23.4, 37.1, 54.1),
    (0, 1): (11.7, 12.1, 13.9, 17.3, 23.4, 34.2, 50.5),
    (0, 2): (13.6, 15.9, 19.9, 26.8, 36.6, 49.7),
    (0, 3): (19.2, 23.4, 33.6, 45.9, 58.4),
    (0, 4): (32.2, 43.2, 56.6, 66.3),
    (0, 5): (55.4, 65.7, 73),
    (0, 6): (72.1, 74.8),
    (0, 7): (77,),
    (1, 1): (12, 13, 15.6, 19.2, 25.4, 35.4, 48.9),
    (1, 2): (14.7, 18, 22.4, 30.2, 43.2, 57.7),
    (1, 3): (22.6, 29.2, 40.4, 53.2, 65.6),
    (1, 4): (39.7, 51.3, 63.8, 71.1),
    (1, 5): (62.9, 72.2, 74.6),
    (1, 6): (74.8, 77),
    (1, 7): (80,),
    (2, 2): (16, 21, 29.5, 39.7, 52.2, 65.8),
    (2, 3): (26.6, 38.1, 50.2, 62, 72.2),
    (2, 4): (49.7, 62.5, 72, 76.5),
    (2, 5): (72.4, 79.8, 78.6),
    (2, 6): (80, 80),
    (2, 7): (89.7,),
    (3, 3): (29, 46.9, 62, 72.4, 77.9),
    (3, 4): (59.5, 74.9, 81.8, 82),
    (3, 5): (85.3, 91, 87.3),
    (3, 6): (92.3, 89.7),
    (3, 7): (95,),
    (4, 4): (68, 87.2, 94.5, 92.3),
    (4, 5): (98, 103.9, 98.6),
    (4, 6): (104.8, 96.3),
    (4, 7): (96,),
    (5, 5): (104, 112.7, 102.4),
    (5, 6): (114.8, 100.9),
    (5, 7): (100,),
    (6, 6): (120, 104.8),
    (6, 7): (101,),
    (7, 7): (99,),
}


def quantization_table() -> Float[np.ndarray, "8 8 8"]:
    """ReRF's 3-D table: JPEG's luminance table, continued into the third dimension."""
    table = np.zeros((BLOCK, BLOCK, BLOCK))
    for (i, j), row in _TABLE_ROWS.items():
        for k, entry in enumerate(row, start=j):
            for place in itertools.permutations((i, j, k)):
                table[place] = entry
    return table


def quality_factor(quality: float) -> float:
    """What JPEG multiplies its table by, for a quality above 0 and below 100; half of it at 75."""
    return (200 - 2 * quality) / 100 if quality >= 50 else 50 / quality


def steps(quality: float, channels: int) -> Float[Tensor, "channels 8 8 8"]:
    """The quantization steps of each channel of a block."""
    table = quantization_table()
    factors = [quality_factor(quality if channel < COARSER_FROM else quality - 1) for channel in range(channels)]
    return torch.from_numpy(np.stack([table * factor for factor in factors])).float()


def dct_matrix() -> Float[np.ndarray, "8 8"]:
    """The orthonormal DCT-II: row k holds frequency k."""
    k, n = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None, :]
    matrix = np.cos(math.pi * k * (2 * n + 1) / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix


def dct(blocks: Float[Tensor, "*blocks 8 8 8"]) -> Float[Tensor, "*blocks 8 8 8"]:
    """Along the last three axes."""
    return _along_all_axes(blocks, torch.from_numpy(dct_matrix()).float())


def inverse_dct(blocks: Float[Tensor, "*blocks 8 8 8"]) -> Float[Tensor, "*blocks 8 8 8"]:
    return _along_all_axes(blocks, torch.from_numpy(dct_matrix().T.copy()).float())


def _along_all_axes(blocks: Tensor, matrix: Float[Tensor, "8 8"]) -> Tensor:
    for axis in (-1, -2, -3):
        blocks = (blocks.transpose(axis, -1) @ matrix.T).transpose(axis, -1)
    return blocks


def principal_axes(blocks: Float[Tensor, "blocks channels 8 8 8"]) -> Float16[np.ndarray, "components features"]:
    """The orthonormal axes of the features (channels 1 and on), the strongest first, rounded to what is stored."""
    features = blocks[:, 1:].transpose(0, 1).flatten(1).double()
    _, axes = torch.linalg.eigh(features @ features.T)
    return axes.flip(1).T.contiguous().numpy().astype(np.float16)


def quantize(
    blocks: Float[Tensor, "blocks channels 8 8 8"], axes: Float16[np.ndarray, "components features"], quality: float
) -> Int16[np.ndarray, "blocks channels 512"]:
    """From density and features to integers."""
    rotated = _rotated(blocks, torch.from_numpy(axes.astype(np.float32)))
    coefficients = dct(rotated) / steps(quality, blocks.shape[1])
    limit = np.iinfo(np.int16).max
    return coefficients.round().clamp(-limit, limit).to(torch.int16).flatten(2).numpy()


def dequantize(
    coefficients: Int16[np.ndarray, "blocks channels 512"],
    axes: Float16[np.ndarray, "components features"],
    quality: float,
) -> Float[Tensor, "blocks channels 8 8 8"]:
    """The approximate inverse."""
    channels = coefficients.shape[1]
    integers = torch.from_numpy(coefficients).float().reshape(-1, channels, BLOCK, BLOCK, BLOCK)
    rotated = inverse_dct(integers * steps(quality, channels))
    return _rotated(rotated, torch.from_numpy(axes.astype(np.float32)).T)


def _rotated(blocks: Tensor, matrix: Float[Tensor, "out in"]) -> Tensor:
    features = torch.einsum("oc,bcxyz->boxyz", matrix, blocks[:, 1:])
    return torch.cat([blocks[:, :1], features], dim=1)
