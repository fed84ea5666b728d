"""The binary coder and the mixed models, against entropies computed apart."""

import numba
import numpy as np
import pytest

from nerfzip.entropy.binary_coder import check_data, code_bit, decoder, encoded, encoder
from nerfzip.entropy.mixing import LOG_ODDS_LIMIT, LOG_ODDS_ONE, code_mixed_bit, mixer
from nerfzip.errors import BitstreamError

from nerfzip.entropy.mixing import _SQUASH, _STRETCH  # isort: skip


@numba.njit
def _run_static(coder, bits, probabilities):
    for i in range(len(bits)):
        bits[i] = code_bit(coder, bits[i], probabilities[i])
        check_data(coder)


@numba.njit
def _run_mixed(coder, models, bits, contexts):
    for i in range(len(bits)):
        for m in range(contexts.shape[1]):
            models.slots[m] = contexts[i, m]
        bits[i] = code_mixed_bit(coder, models, 0, bits[i])


@pytest.mark.parametrize("probability", [1, 40, 6554, 32768, 60000, 65535])
def test_a_static_probability_costs_its_entropy(probability):
    rng = np.random.default_rng(probability)
    count = 200_000
    p = probability / 65536
    bits = (rng.random(count) < p).astype(np.int64)
    coder = encoder(count)
    _run_static(coder, bits.copy(), np.full(count, probability))
    data = encoded(coder)
    ideal = -(bits.sum() * np.log2(p) + (count - bits.sum()) * np.log2(1 - p)) / 8
    assert len(data) <= ideal * 1.001 + 5
    decoded = np.zeros(count, np.int64)
    _run_static(decoder(data), decoded, np.full(count, probability))
    assert np.array_equal(decoded, bits)


def test_extreme_probabilities_and_unlikely_bits_round_trip():
    rng = np.random.default_rng(0)
    probabilities = rng.choice([1, 2, 300, 32768, 65000, 65534, 65535], 50_000)
    bits = rng.integers(0, 2, 50_000)
    coder = encoder(len(bits))
    _run_static(coder, bits.copy(), probabilities)
    decoded = np.zeros_like(bits)
    _run_static(decoder(encoded(coder)), decoded, probabilities)
    assert np.array_equal(decoded, bits)


def test_nothing_coded_is_no_bytes():
    assert encoded(encoder(0)) == b""


@pytest.mark.parametrize("data", [b"", b"\xa5", b"\0\0\0\0\0"])
def test_reading_past_the_end_is_refused(data):
    """Four bytes more than there are count as zeros; no stream needs others."""
    bits = np.full(10_000, 7)
    with pytest.raises(BitstreamError, match="ends too early"):
        _run_static(decoder(data), bits, np.full(10_000, 30_000))
    decoded = bits[bits != 7]
    assert set(np.unique(decoded)) <= {0, 1}
    assert len(decoded) <= 10 * (len(data) + 6)


@pytest.mark.parametrize("bit", [0, 1])
def test_a_long_run_of_one_symbol_comes_back(bit):
    """Ones keep the interval at zero, so that every byte of the code is zero."""
    bits, probabilities = np.full(10_000, bit), np.full(10_000, 30_000)
    coder = encoder(len(bits))
    _run_static(coder, bits, probabilities)
    back = np.full(10_000, 1 - bit)
    _run_static(decoder(encoded(coder)), back, probabilities)
    assert (back == bit).all()


def test_the_tables_are_the_logistic_function():
    log_odds = np.arange(-LOG_ODDS_LIMIT, LOG_ODDS_LIMIT + 1) / LOG_ODDS_ONE
    assert np.abs(_SQUASH - 65536 / (1 + np.exp(-log_odds))).max() <= 1
    cells = (np.arange(4096) + 0.5) / 4096
    assert np.abs(_STRETCH / LOG_ODDS_ONE - np.log(cells / (1 - cells))).max() < 0.1


def test_mixing_learns_the_conditional_entropy():
    """Of three models only one sees the context that the bits depend on: the cost is the entropy given it."""
    rng = np.random.default_rng(1)
    count = 300_000
    context = rng.integers(0, 64, count)
    p = rng.random(64) ** 2
    bits = (rng.random(count) < p[context]).astype(np.int64)
    contexts = np.stack([np.zeros(count, np.int64), 1 + context, 65 + rng.integers(0, 64, count)], 1)
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))[context].sum() / 8
    coder = encoder(count)
    _run_mixed(coder, mixer(129, 3), bits.copy(), contexts)
    data = encoded(coder)
    assert entropy * 0.99 < len(data) < entropy * 1.015
    decoded = np.zeros(count, np.int64)
    _run_mixed(decoder(data), mixer(129, 3), decoded, contexts)
    assert np.array_equal(decoded, bits)
