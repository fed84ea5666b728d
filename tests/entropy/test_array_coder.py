"""Arrays of numbers come back to the bit."""

import numpy as np
import pytest

from nerfzip.entropy.array_coder import decode_arrays, encode_arrays
from nerfzip.errors import BitstreamError


def _round_trip(arrays):
    decoded = decode_arrays(encode_arrays(arrays), [(a.dtype, a.shape) for a in arrays])
    for array, back in zip(arrays, decoded, strict=True):
        assert back.dtype == array.dtype
        assert back.shape == array.shape
        assert back.tobytes() == array.tobytes()


def test_every_float16_pattern():
    _round_trip([np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(-1, 8)])


@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (300,), (7, 0), (31, 5), (2, 3, 4), (600, 1)])
def test_round_trip(dtype, shape):
    _round_trip([np.random.default_rng(0).normal(0, 20, shape).astype(dtype), np.zeros(shape, dtype)])


def test_gaussian_integers_cost_about_their_entropy():
    values = np.clip(np.rint(np.random.default_rng(1).normal(0, 12, (4000, 12))), -128, 127).astype(np.int8)
    _, counts = np.unique(values, return_counts=True)
    entropy = -(counts * np.log2(counts / values.size)).sum() / 8
    assert entropy * 0.99 < len(encode_arrays([values])) < entropy * 1.03


def test_a_damaged_code_gives_arrays_of_the_layout():
    array = np.random.default_rng(2).normal(0, 1, (20, 5)).astype(np.float16)
    data = bytearray(encode_arrays([array]))
    for place in range(len(data)):
        damaged = bytes([*data[:place], data[place] ^ 255, *data[place + 1 :], *bytes(400)])
        (decoded,) = decode_arrays(damaged, [(array.dtype, array.shape)])
        assert decoded.shape == array.shape


def test_a_code_that_ends_too_early_is_refused():
    array = np.random.default_rng(2).normal(0, 1, (20, 5)).astype(np.float16)
    data = encode_arrays([array])
    for end in range(0, len(data) - 5, 7):
        with pytest.raises(BitstreamError, match="ends too early"):
            decode_arrays(data[:end], [(array.dtype, array.shape)])
