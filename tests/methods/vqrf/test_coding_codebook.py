"""Codebooks come back to the bit, and what repeats or correlates costs less."""

import numpy as np
import pytest

from methods.vqrf.coding_context.codebook import _rank, _value, decode_codebook, encode_codebook


def _assert_round_trip(codebook):
    decoded = decode_codebook(encode_codebook(codebook), codebook.dtype, codebook.shape)
    assert decoded.dtype == codebook.dtype
    assert decoded.tobytes() == codebook.tobytes()


def test_every_float16_pattern():
    _assert_round_trip(np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(-1, 8))


@pytest.mark.parametrize("dtype", [np.int8, np.float16])
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 12), (3, 64), (500, 5)])
def test_round_trip(dtype, shape):
    _assert_round_trip(np.random.default_rng(0).normal(0, 40, shape).clip(-128, 127).astype(dtype))


def test_ranks_stand_for_the_values_of_float16():
    """Against numpy's own float16: finite numbers, ascending, as multiples of 2**-24."""
    finite = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float64)
    ranks = 32768 + np.arange(0x7C00)
    assert all(_value(rank, 16) == value * 2**24 for rank, value in zip(ranks[::37], finite[::37], strict=True))
    assert all(
        _value(65535 - rank, 16) == -value * 2**24 for rank, value in zip(ranks[::37], finite[::37], strict=True)
    )
    assert all(_rank(_value(rank, 16), 16) == rank for rank in ranks[::37])


def test_channels_that_follow_from_others_cost_little():
    rng = np.random.default_rng(1)
    first = rng.normal(0, 30, (2000, 1))
    dependent = np.rint(np.hstack([first, -0.5 * first, 0.7 * first])).clip(-128, 127).astype(np.int8)
    independent = np.rint(rng.normal(0, 1, (2000, 3)) * [30, 15, 21]).clip(-128, 127).astype(np.int8)
    assert len(encode_codebook(dependent)) < 0.55 * len(encode_codebook(independent))


def test_damage_gives_a_codebook_of_the_shape():
    for data in (b"\xff" * 2000, b"\x00\x80" * 1000):
        assert decode_codebook(data, np.dtype(np.float16), (30, 7)).shape == (30, 7)
