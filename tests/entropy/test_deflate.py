"""Arrays come back from deflate whole; sections that hold something else are refused, without inflating them."""

import tracemalloc
import zlib

import numpy as np
import pytest

from nerfzip.entropy.deflate import PIECE, deflate_array, inflate_array
from nerfzip.errors import BitstreamError


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, ">f4"])
@pytest.mark.parametrize("shape", [(), (0, 3), (5, 7), (3, PIECE + 1)])
def test_round_trip(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    found = inflate_array({"a": deflate_array(array)}, "a", array.dtype, shape)
    assert (found.dtype, found.shape) == (array.dtype, shape)
    assert np.array_equal(found, array)
    assert found.flags.writeable


def test_what_is_no_such_array_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 3 * PIECE, np.uint8)
    whole = deflate_array(noise)
    for data in (b"", whole[:-1], whole[: len(whole) // 2], deflate_array(noise[:-1]), b"no deflate"):
        with pytest.raises(BitstreamError, match="section a"):
            inflate_array({"a": data}, "a", np.uint8, noise.shape)
    for count in (0, len(noise) - 1):
        with pytest.raises(BitstreamError, match=f"expected {count}"):
            inflate_array({"a": whole}, "a", np.uint8, (count,))
    with pytest.raises(BitstreamError, match="section b: missing"):
        inflate_array({"a": whole}, "b", np.uint8, noise.shape)


def test_memory_is_bounded_by_the_array_that_is_expected() -> None:
    bomb = zlib.compress(bytes(100_000_000), 9)
    tracemalloc.start()
    with pytest.raises(BitstreamError, match="expected 1000"):
        inflate_array({"a": bomb}, "a", np.uint8, (1000,))
    small = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    inflate_array({"a": bomb}, "a", np.uint8, (100_000_000,))
    whole = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert small < 1_000_000
    assert whole < 150_000_000
