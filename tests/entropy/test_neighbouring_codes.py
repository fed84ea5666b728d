"""Indices on planes, coded by what their neighbours predict."""

import numpy as np
import pytest

from nerfzip.entropy.neighbouring_codes import PRECISION, NeighbouringCodes, frequencies_of
from nerfzip.errors import BitstreamError


def smooth_indices(codebook: np.ndarray, side: int) -> np.ndarray:
    """The nearest codes of vectors that change slowly along planes."""
    rows, columns = np.meshgrid(*[np.linspace(-2, 2, side)] * 2, indexing="ij")
    vectors = np.stack([rows, columns], axis=-1)
    distances = ((vectors[:, :, None] - codebook) ** 2).sum(axis=-1)
    return np.stack([distances.argmin(axis=-1)] * 3)


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 1, 1), (3, 1, 5), (2, 4, 1)])
def test_what_is_decoded_is_what_was_coded(shape: tuple[int, int, int]) -> None:
    draws = np.random.default_rng(0)
    codes = NeighbouringCodes(draws.normal(size=(100, 4)), draws.integers(1, 1000, 100))
    indices = draws.integers(100, size=shape)
    assert np.array_equal(codes.decode(codes.encode(indices), shape), indices)


@pytest.mark.parametrize("codebook", [np.zeros((5, 2)), np.full((5, 2), 1e30)])
def test_codebooks_of_any_size(codebook: np.ndarray) -> None:
    codes = NeighbouringCodes(codebook, np.ones(len(codebook), dtype=np.int64))
    indices = np.random.default_rng(0).integers(len(codebook), size=(3, 4, 4))
    assert np.array_equal(codes.decode(codes.encode(indices), (3, 4, 4)), indices)


def test_neighbours_that_foretell_save_bytes() -> None:
    codebook = np.random.default_rng(0).uniform(-2.5, 2.5, size=(256, 2))
    indices = smooth_indices(codebook, 32)
    size = len(NeighbouringCodes(codebook, np.ones(256, dtype=np.int64)).encode(indices))
    shares = np.bincount(indices.ravel(), minlength=256) / indices.size
    entropy = -(shares[shares > 0] * np.log2(shares[shares > 0])).sum() * indices.size / 8
    assert size < 0.6 * entropy


def test_without_neighbours_counts_decide() -> None:
    """All codes at one place: only how common they are is known."""
    draws = np.random.default_rng(0)
    counts = draws.integers(1, 1000, size=500) ** 2
    shares = counts / counts.sum()
    indices = draws.choice(500, size=(3, 40, 40), p=shares)
    data = NeighbouringCodes(np.zeros((500, 2)), counts).encode(indices)
    assert 8 * len(data) == pytest.approx(-np.log2(shares[indices]).sum(), rel=3e-3)


@pytest.mark.parametrize("counts", [[1], [1, 1], [1, 10**12], list(range(1, 8193))])
def test_frequencies_sum_to_a_power_of_two(counts: list[int]) -> None:
    found = frequencies_of(np.array(counts))
    assert found.min() >= 1 and found.sum() == 1 << PRECISION


def test_damage_is_found_as_far_as_it_can_be() -> None:
    codes = NeighbouringCodes(np.zeros((2, 1)), np.array([1, 1]))
    with pytest.raises(BitstreamError, match="3 bytes, expected a multiple of 4"):
        codes.decode(b"abc", (1, 1, 1))
