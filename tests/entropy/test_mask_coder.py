"""Masks come back, and structure is found."""

import numpy as np
import pytest

from nerfzip.entropy.mask_coder import decode_mask, encode_mask
from nerfzip.errors import BitstreamError


def _ball(size: int) -> np.ndarray:
    axes = np.arange(size) - (size - 1) / 2
    x, y, z = np.meshgrid(axes, axes, axes, indexing="ij")
    return x**2 + y**2 + z**2 < (0.35 * size) ** 2


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 300), (8, 8, 8), (9, 17, 5), (2, 40, 3)])
@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 1.0])
def test_round_trip(shape, density):
    mask = np.random.default_rng(3).random(shape) < density
    assert np.array_equal(decode_mask(encode_mask(mask), shape), mask)


@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 8, 8), (9, 17, 5)])
@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 1.0])
def test_round_trip_beside_a_reference(shape, density):
    rng = np.random.default_rng(3)
    mask, reference = rng.random(shape) < density, rng.random(shape) < 0.5
    assert np.array_equal(decode_mask(encode_mask(mask, reference), shape, reference), mask)


def test_what_is_like_the_reference_costs_little():
    rng = np.random.default_rng(4)
    reference = rng.random((40, 40, 40)) < 0.2
    mask = reference ^ (rng.random(reference.shape) < 0.01)
    entropy = -(0.01 * np.log2(0.01) + 0.99 * np.log2(0.99)) * mask.size / 8
    assert len(encode_mask(mask, reference)) < 1.3 * entropy
    assert len(encode_mask(mask, np.zeros_like(mask))) > 5 * entropy


def test_a_solid_costs_much_less_than_its_bits():
    mask = _ball(60)
    assert len(encode_mask(mask)) < np.packbits(mask).size / 20


def test_a_random_mask_costs_its_entropy():
    mask = np.random.default_rng(4).random((60, 60, 60)) < 0.2
    entropy = -(0.2 * np.log2(0.2) + 0.8 * np.log2(0.8)) * mask.size / 8
    assert entropy * 0.98 < len(encode_mask(mask)) < entropy * 1.04


def test_damage_gives_a_mask_of_the_shape():
    data = bytearray(encode_mask(_ball(24)))
    rng = np.random.default_rng(5)
    for _ in range(50):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            decoded = decode_mask(bytes(damaged[: rng.integers(len(data) + 1)]), (24, 24, 24))
        except BitstreamError as error:
            assert "ends too early" in str(error)
        else:
            assert decoded.shape == (24, 24, 24)
