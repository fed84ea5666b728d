"""Indices of codes by Huffman codes, or each in the same number of bits (sheet codecnerf.md, §7)."""

import zlib

import numpy as np
from jaxtyping import Int

from nerfzip.entropy.huffman import canonical_codes, code_lengths
from nerfzip.errors import BitstreamError

TABLE_BYTES = 2
FIXED, HUFFMAN = 0, 1
"""The first byte of `encode_without_prior`."""


def encode_without_prior(indices: Int[np.ndarray, "count"], codes: int) -> bytes:
    """By Huffman codes with their table, or where that is no shorter, each in the same number of bits."""
    packed = bytes([FIXED]) + pack_indices(indices, codes)
    coded = bytes([HUFFMAN]) + _encode_huffman(indices, codes)
    return min(packed, coded, key=len)


def decode_without_prior(data: bytes, count: int, codes: int) -> Int[np.ndarray, "count"]:
    """The inverse of `encode_without_prior`.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    kind = data[0] if data else None
    if kind == FIXED:
        return unpack_indices(data[1:], count, codes)
    if kind == HUFFMAN:
        return _decode_huffman(data[1:], count, codes)
    raise BitstreamError(f"coded indices: they begin with {kind}, expected {FIXED} or {HUFFMAN}")


def _encode_huffman(indices: Int[np.ndarray, "count"], codes: int) -> bytes:
    """The deflated lengths of all codes, behind their own length (two bytes), then the indices."""
    lengths = code_lengths(np.bincount(indices, minlength=codes))
    words = canonical_codes(lengths)
    bits = [(words[index] >> np.arange(lengths[index])[::-1].astype(np.int64)) & 1 for index in indices]
    table = zlib.compress(lengths.tobytes(), 9)
    packed = np.packbits(np.concatenate(bits).astype(np.uint8)) if bits else np.zeros(0, np.uint8)
    return len(table).to_bytes(TABLE_BYTES, "little") + table + packed.tobytes()


def _decode_huffman(data: bytes, count: int, codes: int) -> Int[np.ndarray, "count"]:
    start = TABLE_BYTES + int.from_bytes(data[:TABLE_BYTES], "little")
    inflate = zlib.decompressobj()
    try:
        lengths = np.frombuffer(inflate.decompress(data[TABLE_BYTES:start], codes + 1), np.uint8)
    except zlib.error as error:
        raise BitstreamError(f"a Huffman table: {error}") from error
    if len(lengths) != codes:
        raise BitstreamError(f"a Huffman table of {len(lengths)} codes, expected {codes}")
    words = canonical_codes(lengths)
    known = {(int(lengths[index]), int(words[index])): index for index in np.flatnonzero(lengths)}
    bits = np.unpackbits(np.frombuffer(data[start:], np.uint8)).tolist()
    indices = np.zeros(count, np.int32)
    place, longest = 0, int(lengths.max(initial=0))
    for number in range(count):
        word, length, index = 0, 0, None
        while index is None:
            if place == len(bits) or length == longest:
                raise BitstreamError(f"Huffman-coded indices end after {number} of {count}")
            word, length, place = 2 * word + bits[place], length + 1, place + 1
            index = known.get((length, word))
        indices[number] = index
    if place + 8 <= len(bits) or any(bits[place:]):
        raise BitstreamError("Huffman-coded indices do not end with their data")
    return indices


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
