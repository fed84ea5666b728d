"""Coarse frequency tables: what they cost beside the true ones, and codes that no table has."""

import numpy as np
import pytest

from nerfzip.entropy.coarse_tables import FEW_TABLES, MANY_TABLES, TableFormat, coarse_tables, frequencies
from nerfzip.errors import BitstreamError


@pytest.mark.parametrize("form", [MANY_TABLES, FEW_TABLES])
def test_tables_sum_to_their_total_and_are_near_the_counts(form: TableFormat) -> None:
    generator = np.random.default_rng(0)
    counts = (generator.integers(0, 10, (50, 53)) ** generator.integers(0, 6, (50, 1))).astype(np.int64)
    counts[0] = 0
    counts[1, 1:] = 0
    codes = coarse_tables(counts, form)
    tables = frequencies(codes, form)
    assert (tables.sum(axis=1) == form.total).all()
    assert ((tables > 0) == (counts > 0))[1:].all()
    for count, frequency in zip(counts[2:], tables[2:], strict=True):
        some = count > 0
        ideal = -(count[some] * np.log2(count[some] / count.sum())).sum()
        spent = -(count[some] * np.log2(frequency[some] / form.total)).sum()
        assert spent <= 1.01 * ideal + 1
    with pytest.raises(BitstreamError, match="a table"):
        frequencies(np.full((1, 53), 250, np.uint8), form)


def test_a_table_that_has_no_room_for_its_smallest_is_refused() -> None:
    with pytest.raises(BitstreamError, match="more small frequencies"):
        frequencies(np.array([[49] * 56 + [1] * 200], np.uint8))


def test_tables_of_any_counts_can_be_read() -> None:
    generator = np.random.default_rng(1)
    for exponent in range(30):
        counts = (generator.random((20, 256)) ** exponent * 1e9).astype(np.int64) + generator.integers(0, 2, (20, 256))
        assert ((frequencies(coarse_tables(counts)) > 0) == (counts > 0))[counts.any(axis=1)].all()
