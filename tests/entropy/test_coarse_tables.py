"""Coarse frequency tables: what they cost beside the true ones, and codes that no table has."""

import numpy as np
import pytest

from nerfzip.entropy.coarse_tables import TOTAL, coarse_tables, frequencies
from nerfzip.errors import BitstreamError


def test_tables_sum_to_their_total_and_are_near_the_counts() -> None:
    generator = np.random.default_rng(0)
    counts = (generator.integers(0, 10, (50, 53)) ** generator.integers(0, 6, (50, 1))).astype(np.int64)
    counts[0] = 0
    counts[1, 1:] = 0
    codes = coarse_tables(counts)
    tables = frequencies(codes)
    assert (tables.sum(axis=1) == TOTAL).all()
    assert ((tables > 0) == (counts > 0))[1:].all()
    for count, frequency in zip(counts[2:], tables[2:], strict=True):
        some = count > 0
        ideal = -(count[some] * np.log2(count[some] / count.sum())).sum()
        spent = -(count[some] * np.log2(frequency[some] / TOTAL)).sum()
        assert spent <= 1.01 * ideal + 1
    with pytest.raises(BitstreamError, match="a table"):
        frequencies(np.full((1, 53), 200, np.uint8))


def test_a_table_that_has_no_room_for_its_smallest_is_refused() -> None:
    with pytest.raises(BitstreamError, match="more small frequencies"):
        frequencies(np.array([[52] * 56 + [1] * 200], np.uint8))


def test_tables_of_any_counts_can_be_read() -> None:
    generator = np.random.default_rng(1)
    for exponent in range(30):
        counts = (generator.random((20, 256)) ** exponent * 1e9).astype(np.int64) + generator.integers(0, 2, (20, 256))
        assert ((frequencies(coarse_tables(counts)) > 0) == (counts > 0))[counts.any(axis=1)].all()
