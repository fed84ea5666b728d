"""Indices of codes, by a prior that sender and receiver share, or each in the same number of bits."""

import constriction
import numpy as np
from jaxtyping import Int

from nerfzip.entropy.coarse_tables import table_model
from nerfzip.errors import BitstreamError

PRECISION = 20
"""Frequencies sum to 2^PRECISION."""


def frequencies_of(counts: Int[np.ndarray, "codes"]) -> Int[np.ndarray, "codes"]:
    """Counts in proportion, none of them zero, that sum to 2^PRECISION; by integers alone.

    Args:
        counts: at least 1, fewer than 2^PRECISION of them.
    """
    total, spare = 1 << PRECISION, (1 << PRECISION) - len(counts)
    counts = counts.astype(np.int64)
    shares = 1 + counts * spare // counts.sum()
    shares[counts.argmax()] += total - shares.sum()
    return shares


def encode_indices(indices: Int[np.ndarray, "count"], counts: Int[np.ndarray, "codes"]) -> bytes:
    """By how often each code occurs elsewhere."""
    coder = constriction.stream.queue.RangeEncoder()
    coder.encode(indices.astype(np.int32), table_model(frequencies_of(counts)))
    return coder.get_compressed().astype("<u4").tobytes()


def decode_indices(data: bytes, count: int, counts: Int[np.ndarray, "codes"]) -> Int[np.ndarray, "count"]:
    """The inverse of `encode_indices`.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    if len(data) % 4:
        raise BitstreamError(f"coded indices: {len(data)} bytes, expected a multiple of 4")
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
    try:
        return np.asarray(decoder.decode(table_model(frequencies_of(counts)), count))
    except (AssertionError, ValueError) as error:
        raise BitstreamError(f"coded indices: {error}") from error


def pack_indices(indices: Int[np.ndarray, "count"], codes: int) -> bytes:
    """Each in the bits that the largest index needs, the highest bit first; zeros fill up the last byte."""
    places = np.arange(bits_of(codes))[::-1]
    return np.packbits((indices[:, None] >> places) & 1).tobytes()


def unpack_indices(data: bytes, count: int, codes: int) -> Int[np.ndarray, "count"]:
    """The inverse of `pack_indices`.

    Raises:
        BitstreamError: too few or too many bytes, or there is no such code.
    """
    bits = bits_of(codes)
    expected = (count * bits + 7) // 8
    if len(data) != expected:
        raise BitstreamError(f"packed indices: {len(data)} bytes, expected {expected}")
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8))
    if unpacked[count * bits :].any():
        raise BitstreamError("packed indices: the bits behind the last are not zero")
    indices = unpacked[: count * bits].reshape(count, bits).astype(np.int32) @ (1 << np.arange(bits)[::-1])
    if indices.size and indices.max() >= codes:
        raise BitstreamError(f"packed indices: code {indices.max()}, there are {codes}")
    return indices.astype(np.int32)


def bits_of(codes: int) -> int:
    return max(1, (codes - 1).bit_length())
