"""Integers as symbols of a small alphabet, and bits that follow the symbols of large magnitudes."""

import numpy as np
from jaxtyping import Int16, UInt8

from nerfzip.errors import BitstreamError

PLAIN = 15
"""Magnitudes up to here are symbols of their own."""
_FIRST_BITS = (PLAIN + 1).bit_length()
LARGE = 16 - _FIRST_BITS
"""Classes of larger magnitudes: by the number of bits, up to 15."""
ALPHABET = 2 * (PLAIN + LARGE) + 1
ZERO = PLAIN + LARGE
"""The symbol of 0; those of negative numbers lie below it."""


def _symbol_of_every_value() -> UInt8[np.ndarray, "65536"]:
    """Indexed by the value's 16 bits."""
    values = np.arange(1 << 16).astype(np.uint16).view(np.int16).astype(np.int32)
    bits = np.frexp(np.abs(values).astype(np.float64))[1]
    levels = np.where(np.abs(values) <= PLAIN, np.abs(values), PLAIN + 1 + bits - _FIRST_BITS)
    return (ZERO + np.sign(values) * levels).clip(0, ALPHABET - 1).astype(np.uint8)


_SYMBOLS = _symbol_of_every_value()
_PLAIN_VALUES = np.concatenate(
    [np.full(LARGE, -PLAIN), np.arange(-PLAIN, PLAIN + 1), np.full(LARGE, PLAIN)],
).astype(np.int16)
"""Of each symbol; those of large magnitudes are filled in afterwards."""


def to_symbols(values: Int16[np.ndarray, "n"]) -> UInt8[np.ndarray, "n"]:
    """A value's magnitude, or its class, and its sign; for values from -32767 on."""
    return _SYMBOLS[values.view(np.uint16)]


def extra_bits(values: Int16[np.ndarray, "n"]) -> bytes:
    """What the symbols of large magnitudes leave open: class by class, the bits below the leading one."""
    magnitudes = np.abs(values.astype(np.int32))
    pieces = [np.zeros(0, np.uint8)]
    for width in range(_FIRST_BITS - 1, 15):
        large = magnitudes[(magnitudes >> width) == 1]
        pieces.append(((large[:, None] >> np.arange(width)) & 1).astype(np.uint8).reshape(-1))
    return np.packbits(np.concatenate(pieces)).tobytes()


def from_symbols(symbols: UInt8[np.ndarray, "n"], data: bytes) -> Int16[np.ndarray, "n"]:
    """The inverse of both.

    Raises:
        BitstreamError: `data` are not as long as the symbols say.
    """
    values = _PLAIN_VALUES[symbols]
    where = (np.abs(values) == PLAIN).nonzero()[0]
    levels = np.abs(symbols[where].astype(np.int64) - ZERO)
    where, levels = where[levels > PLAIN], levels[levels > PLAIN]
    widths = levels - PLAIN - 1 + _FIRST_BITS - 1
    needed = int(widths.sum())
    if len(data) != -(-needed // 8):
        raise BitstreamError(f"the bits of large coefficients: {len(data)} bytes, expected {-(-needed // 8)}")
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    start = 0
    for width in range(_FIRST_BITS - 1, 15):
        large = where[widths == width]
        end = start + width * len(large)
        below = bits[start:end].reshape(-1, width).astype(np.int32) << np.arange(width)
        values[large] = np.sign(values[large]) * ((1 << width) + below.sum(axis=1, dtype=np.int32))
        start = end
    return values
