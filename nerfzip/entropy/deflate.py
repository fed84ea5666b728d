"""Arrays through deflate: what `zip` and `np.savez_compressed` do to them."""

import math
import zlib
from collections.abc import Iterable, Mapping

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


def deflate_arrays(arrays: Iterable[np.ndarray]) -> bytes:
    """Arrays of any types, one after another, as one piece."""
    data = b"".join(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes() for array in arrays)
    return zlib.compress(data, LEVEL)


def inflate_arrays(
    sections: Mapping[str, bytes], name: str, layout: Mapping[str, tuple[str, tuple[int, ...]]]
) -> dict[str, np.ndarray]:
    """The inverse, for a section of arrays whose types and shapes are known.

    Raises:
        BitstreamError: as `inflate_array`.
    """
    sizes = [math.prod(shape) * np.dtype(dtype).itemsize for dtype, shape in layout.values()]
    data = inflate_array(sections, name, np.uint8, (sum(sizes),)).tobytes()
    arrays, start = {}, 0
    for (key, (dtype, shape)), size in zip(layout.items(), sizes, strict=True):
        stored = np.frombuffer(data[start : start + size], np.dtype(dtype).newbyteorder("<"))
        arrays[key] = stored.astype(dtype).reshape(shape)
        start += size
    return arrays
