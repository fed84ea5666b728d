"""Grids come back to the bit; what is known already saves bytes."""

import numpy as np
import pytest

from nerfzip.entropy.grid_coder import decode_grid, encode_grid
from nerfzip.errors import BitstreamError


def sparse(shape, seed=0):
    generator = np.random.default_rng(seed)
    values = np.rint(generator.laplace(0, 1.5, shape)).astype(np.int32)
    values[generator.random(shape[:3]) < 0.5] = 0
    values[: shape[0] // 2] = 0
    return values


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (9, 17, 5, 4), (3, 3, 3, 18), (6, 7, 8, 2)])
def test_round_trip_with_and_without_a_reference(shape):
    values = sparse(shape)
    for reference in (np.zeros(shape, np.int32), sparse(shape, seed=1)):
        assert np.array_equal(decode_grid(encode_grid(values, reference), reference), values)


def test_large_values():
    values = np.zeros((2, 2, 2, 2), np.int32)
    values[0, 1, 0], values[1, 1, 1] = [65_535, -1], [-65_535, 4096]
    assert np.array_equal(decode_grid(encode_grid(values, 0 * values), 0 * values), values)
    with pytest.raises(BitstreamError, match="magnitudes below 65536"):
        encode_grid(values + 1, 0 * values)


def test_a_reference_that_is_near_saves_most_of_the_bytes():
    values = sparse((12, 12, 12, 6))
    reference = values + (np.random.default_rng(2).random(values.shape) < 0.05)
    alone = len(encode_grid(values, 0 * values))
    assert len(encode_grid(values, reference.astype(np.int32))) < 0.5 * alone


def test_zeros_cost_next_to_nothing():
    zeros = np.zeros((40, 40, 40, 18), np.int32)
    assert len(encode_grid(zeros, zeros)) < 30


def test_independent_values_cost_about_their_entropy():
    values = np.rint(np.random.default_rng(3).normal(0, 1.5, (20, 20, 20, 4))).astype(np.int32)
    _, counts = np.unique(values, return_counts=True)
    entropy = -(counts * np.log2(counts / values.size)).sum() / 8
    assert entropy * 0.99 < len(encode_grid(values, 0 * values)) < entropy * 1.06


def test_a_code_that_ends_too_early_is_refused():
    values = sparse((8, 8, 8, 4))
    data = encode_grid(values, 0 * values)
    for end in (0, 3, 8, len(data) // 2):
        with pytest.raises(BitstreamError):
            decode_grid(data[:end], 0 * values)
