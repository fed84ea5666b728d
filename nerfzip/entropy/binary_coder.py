"""An adaptive arithmetic coder of binary decisions, one function for both directions.

The coder is a carry-less range coder: an interval of 32-bit integers is split in the ratio of the probabilities, and
the leading byte is moved out as soon as both ends agree on it (Witten, Neal & Cleary 1987, with bytes for bits). Every
model is written once, as a function that calls `code_bit`: an encoder passes the true bit and gets it back, a decoder
passes anything and gets the decoded bit. So the two directions of a model can't drift apart.

Decoding is integer arithmetic throughout. A decoder needs at most four bytes more than its encoder wrote, which count
as zeros; `check_data` refuses one that has taken others, so that the work of decoding is bounded by the data.
"""

from typing import NamedTuple

import numba
import numpy as np
from jaxtyping import Int64, UInt8

from nerfzip.errors import BitstreamError

PROBABILITY_BITS = 16
PROBABILITY_ONE = 1 << PROBABILITY_BITS

# Fields of `Coder.state`.
_LOW, _HIGH, _CODE, _POSITION, _DECODING = range(5)
_MAX_BYTES_PER_BIT = 4
_WORD = 4
"""Bytes that a decoder is ahead of what its encoder had moved out."""


class Coder(NamedTuple):
    """An encoder or a decoder.

    Attributes:
        state: the ends of the interval, the 32 bits being decoded, the position in `data`, the direction.
    """

    state: Int64[np.ndarray, "5"]
    data: UInt8[np.ndarray, "bytes"]


def encoder(max_bits: int) -> Coder:
    """An encoder with room for `max_bits` binary decisions (memory is only touched where it is written)."""
    state = np.array([0, 0xFFFFFFFF, 0, 0, 0], np.int64)
    return Coder(state, np.empty(_MAX_BYTES_PER_BIT * (max_bits + 1), np.uint8))


def decoder(data: bytes) -> Coder:
    """A decoder of what `encoded` returned."""
    state = np.array([0, 0xFFFFFFFF, int.from_bytes(data[:4].ljust(4, b"\0"), "big"), 4, 1], np.int64)
    return Coder(state, np.frombuffer(data, np.uint8).copy())


def encoded(coder: Coder) -> bytes:
    """Close an encoder: bytes that, followed by zeros, fall into its interval."""
    low, position = int(coder.state[_LOW]), int(coder.state[_POSITION])
    if position > len(coder.data):
        raise ValueError(f"the encoder had room for {len(coder.data)} bytes and needed {position}")
    last = bytes([(low >> 24) + 1]) if low else b""
    return coder.data[:position].tobytes() + last


@numba.njit(cache=True, nogil=True, forceinline=True)
def code_bit(coder: Coder, bit: int, probability: int) -> int:
    """Encode `bit`, or decode and return one.

    Args:
        probability: of a one, in 1/65536, from 1 to 65535.
    """
    state, data = coder
    low, high, decoding = state[_LOW], state[_HIGH], state[_DECODING]
    middle = low + (((high - low) * probability) >> PROBABILITY_BITS)
    if decoding:
        bit = 1 if state[_CODE] <= middle else 0
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) < (1 << 24):
        position = state[_POSITION]
        if decoding:
            byte = np.int64(data[position]) if position < len(data) else np.int64(0)
            state[_CODE] = ((state[_CODE] & 0xFFFFFF) << 8) | byte
        elif position < len(data):
            data[position] = high >> 24
        state[_POSITION] = position + 1
        low = (low & 0xFFFFFF) << 8
        high = ((high & 0xFFFFFF) << 8) | 255
    state[_LOW] = low
    state[_HIGH] = high
    return bit


@numba.njit(cache=True, nogil=True, forceinline=True)
def check_data(coder: Coder) -> None:
    """To be called after every symbol or row of symbols; `code_bit` itself would become twice as slow by it.

    Raises:
        BitstreamError: a decoder has read more than was written.
    """
    if coder.state[_DECODING] and coder.state[_POSITION] > len(coder.data) + _WORD:
        raise BitstreamError("an entropy-coded section ends too early")
