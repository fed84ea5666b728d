"""Arrays through deflate: what `zip` and `np.savez_compressed` do to them."""

import zlib
from collections.abc import Mapping

import numpy as np

from nerfzip.errors import BitstreamError

LEVEL = 9
PIECE = 1 << 16
"""Of a section, inflated at a time: at most a thousandfold, so that little memory is held beside the array."""


def deflate_array(array: np.ndarray) -> bytes:
    """The array's little-endian bytes in C order, deflated."""
    return zlib.compress(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes(), LEVEL)


def inflate_array(
    sections: Mapping[str, bytes], name: str, dtype: np.dtype | type | str, shape: tuple[int, ...]
) -> np.ndarray:
    """The inverse, for a section of which type and shape are known.

    Raises:
        BitstreamError: the section is missing, damaged, or does not hold just that array. No more than its bytes are
            ever allocated.
    """
    if name not in sections:
        raise BitstreamError(f"section {name}: missing")
    dtype = np.dtype(dtype)
    expected = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    stream, data, section = zlib.decompressobj(), bytearray(), memoryview(sections[name])
    try:
        for start in range(0, len(section), PIECE):
            # One byte more than expected, so that a section that is too long is noticed without inflating all of it.
            data += stream.decompress(section[start : start + PIECE], expected + 1 - len(data))
            if stream.eof or len(data) > expected:
                break
    except zlib.error as error:
        raise BitstreamError(f"section {name}: {error}") from error
    if len(data) != expected or not stream.eof:
        raise BitstreamError(f"section {name}: inflates to {len(data)} bytes or more, expected {expected}")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)
