"""CRC-32 of many ranges of one file, which may overlap, in time linear in the file and in the number of ranges."""

import zlib

import numpy as np
from jaxtyping import Int, UInt32

_ALL = 0xFFFFFFFF


def crc32_of_ranges(
    data: bytes, starts: Int[np.ndarray, "ranges"], ends: Int[np.ndarray, "ranges"]
) -> UInt32[np.ndarray, "ranges"]:
    """`zlib.crc32(data[start:end])` for each start ≤ end.

    A CRC is linear: with A followed by B, crc(B) = crc(AB) ^ shift(crc(A), length of B), where shifting by one byte is
    a 32 × 32 matrix over the field of two elements, and shifting by 2ᵏ bytes is that matrix squared k times (as in
    zlib's crc32_combine). So the checksums of all prefixes, taken in one pass, give the checksum of every range.
    """
    places, inverse = np.unique(np.concatenate([starts, ends]), return_inverse=True)
    prefix = np.empty(len(places), np.uint32)
    view, done, checksum = memoryview(data), 0, 0
    for index, place in enumerate(places.tolist()):
        checksum = zlib.crc32(view[done:place], checksum)
        prefix[index], done = checksum, place
    before, whole = prefix[inverse[: len(starts)]], prefix[inverse[len(starts) :]]
    lengths = ends - starts
    matrix = np.array([zlib.crc32(b"\0", 1 << bit ^ _ALL) ^ _ALL for bit in range(32)], np.uint32)
    for power in range(int(lengths.max(initial=0)).bit_length()):
        chosen = (lengths >> power & 1).astype(bool)
        before[chosen] = _multiply(matrix, before[chosen])
        matrix = _multiply(matrix, matrix)
    return whole ^ before


def _multiply(
    matrix: UInt32[np.ndarray, "32"], vectors: UInt32[np.ndarray, "vectors"]
) -> UInt32[np.ndarray, "vectors"]:
    """The matrix, given by its columns, times each vector; bit i of a number is its component i."""
    product = np.zeros_like(vectors)
    for bit, column in enumerate(matrix):
        product ^= np.where(vectors >> np.uint32(bit) & np.uint32(1), column, np.uint32(0))
    return product
