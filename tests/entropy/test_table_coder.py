"""Values by stored tables come back, cost what the tables say, and damage is noticed or gives other values."""

import numpy as np
import pytest

from nerfzip.entropy.table_coder import MOST_SYMBOLS, decode_with_tables, encode_with_tables, histogram
from nerfzip.errors import BitstreamError


def laplacian(count, channels, scale=2.0):
    return np.rint(np.random.default_rng(0).laplace(0, scale, (count, channels))).astype(np.int32)


@pytest.mark.parametrize("shape", [(1, 1), (700, 3), (5, 36)])
def test_round_trip(shape):
    values = laplacian(*shape)
    assert np.array_equal(decode_with_tables(encode_with_tables(values, histogram(values)), *shape), values)


def test_values_outside_of_the_tables_are_escaped():
    values = laplacian(500, 2)
    values[[3, 77, 400], [0, 1, 1]] = [2**30, -(2**31), 70_000]
    assert np.array_equal(decode_with_tables(encode_with_tables(values, histogram(values)), 500, 2), values)


def test_a_bad_model_is_lossless_too():
    values = laplacian(300, 2)
    data = encode_with_tables(values, lambda low, high: np.zeros((2, high - low + 1)))
    assert np.array_equal(decode_with_tables(data, 300, 2), values)


def test_the_size_is_the_entropy_and_the_tables():
    values = laplacian(20_000, 4)
    entropy = 0.0
    for column in values.T:
        _, counts = np.unique(column, return_counts=True)
        entropy -= (counts * np.log2(counts / counts.sum())).sum() / 8
    assert entropy < len(encode_with_tables(values, histogram(values))) < 1.01 * entropy + 200


def test_many_symbols_keep_to_the_limit():
    values = np.arange(-400, 400, dtype=np.int32)[:, None]
    data = encode_with_tables(values, histogram(values))
    assert int.from_bytes(data[4:6], "little") == MOST_SYMBOLS
    assert np.array_equal(decode_with_tables(data, 800, 1), values)


def test_damaged_data_are_refused_or_give_values_of_the_shape():
    values = laplacian(200, 3)
    data = encode_with_tables(values, histogram(values))
    for place in range(len(data)):
        damaged = bytes([*data[:place], data[place] ^ 0x55, *data[place + 1 :]])
        try:
            decoded = decode_with_tables(damaged, 200, 3)
        except BitstreamError:
            continue
        assert decoded.shape == (200, 3)
    for end in range(0, len(data), 3):
        try:
            decode_with_tables(data[:end], 200, 3)
        except BitstreamError:
            continue
