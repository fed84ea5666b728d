# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type,call-overload,operator"
"""The codebook: a channel is predicted from the two codes before and from the channels before it.

`drop_unused_codes` puts the codes in the order of their tree, so that codes in a row look alike. float16 numbers are
predicted as integers (multiples of the smallest one, 2**-24), and their residuals counted in steps of float16: `rank`
numbers all patterns in the order of their values.
"""

import numba
import numpy as np
from jaxtyping import Int16, Int64, Shaped

from nerfzip.entropy.array_coder import ordered_patterns, patterns_in_order
from nerfzip.entropy.binary_coder import Coder, check_data, decoder, encoded, encoder
from nerfzip.entropy.linear_prediction import COEFFICIENT_BITS, COEFFICIENT_CODE_BITS, code_coefficients, fit_linear
from nerfzip.entropy.mixing import Mixer, mixer
from nerfzip.entropy.value_coder import NODES, code_value

_BEFORE = 2
_PLACES = 64
_SIZES = 18
_COUNT_LIMIT = 150
_MANTISSA = 10
_CONSTANT = {"int8": 32, "float16": 1 << 22}
_RANK_BITS = {"int8": 8, "float16": 16}


def encode_codebook(codebook: Shaped[np.ndarray, "codes channels"]) -> bytes:
    """The coded codebook (int8 or float16); its type and shape are not part of the code."""
    ranks = ordered_patterns(codebook).astype(np.int64)
    bits, constant = _RANK_BITS[codebook.dtype.name], _CONSTANT[codebook.dtype.name]
    values = _values(ranks, bits)
    coefficients = np.zeros((codebook.shape[1], 1 + _BEFORE + codebook.shape[1] - 1), np.int16)
    for channel in range(codebook.shape[1] if len(codebook) else 0):
        design = np.zeros((len(codebook), 1 + _BEFORE + channel))
        design[:, 0] = constant
        for before in range(1, _BEFORE + 1):
            design[before:, before] = values[:-before, channel]
        design[:, 1 + _BEFORE :] = values[:, :channel]
        coefficients[channel, : design.shape[1]] = fit_linear(design, values[:, channel].astype(np.float64))
    coder = encoder(codebook.size * 40 + coefficients.size * COEFFICIENT_CODE_BITS)
    code_coefficients(coder, coefficients)
    _code(coder, _mixer(codebook.shape[1]), ranks, coefficients, constant, bits)
    return encoded(coder)


def decode_codebook(data: bytes, dtype: np.dtype, shape: tuple[int, int]) -> Shaped[np.ndarray, "codes channels"]:
    """The inverse of `encode_codebook`; damaged data give another one, its numbers possibly not finite."""
    coder = decoder(data)
    coefficients = np.zeros((shape[1], 1 + _BEFORE + shape[1] - 1), np.int16)
    code_coefficients(coder, coefficients)
    ranks = np.zeros(shape, np.int64)
    _code(coder, _mixer(shape[1]), ranks, coefficients, _CONSTANT[dtype.name], _RANK_BITS[dtype.name])
    return patterns_in_order(ranks.astype(np.uint32), dtype)


def _mixer(channels: int) -> Mixer:
    contexts = channels * (1 + _PLACES + _SIZES) + _PLACES * _SIZES
    return mixer(contexts * NODES, 4, NODES, count_limit=_COUNT_LIMIT)


@numba.njit(cache=True, nogil=True)
def _values(ranks: Int64[np.ndarray, "codes channels"], bits: int) -> Int64[np.ndarray, "codes channels"]:
    values = np.empty_like(ranks)
    for code in range(ranks.shape[0]):
        for channel in range(ranks.shape[1]):
            values[code, channel] = _value(ranks[code, channel], bits)
    return values


@numba.njit(cache=True, nogil=True)
def _value(rank: int, bits: int) -> int:
    """The integer that a rank stands for; zero for what is not finite."""
    if bits == 8:
        return rank - 128
    pattern = rank - 32768 if rank >= 32768 else 32767 - rank
    exponent, mantissa = pattern >> _MANTISSA, pattern & 1023
    magnitude = mantissa if exponent == 0 else (1024 + mantissa) << (exponent - 1)
    if exponent == 31:
        magnitude = 0
    return magnitude if rank >= 32768 else -magnitude


@numba.njit(cache=True, nogil=True)
def _rank(value: int, bits: int) -> int:
    """The rank of the number next to an integer, towards zero."""
    if bits == 8:
        return min(max(value, -128), 127) + 128
    magnitude = min(abs(value), np.int64(2047) << 29)
    shift = 0
    while magnitude >> shift > 2047:
        shift += 1
    pattern = magnitude if magnitude < 1024 else ((shift + 1) << _MANTISSA) + (magnitude >> shift) - 1024
    return 32768 + pattern if value >= 0 else 32767 - pattern


@numba.njit(cache=True, nogil=True)
def _code(
    coder: Coder,
    mixer: Mixer,
    ranks: Int64[np.ndarray, "codes channels"],
    coefficients: Int16[np.ndarray, "channels terms"],
    constant: int,
    bits: int,
) -> None:
    codes, channels = ranks.shape
    values = np.zeros((codes + _BEFORE, channels), np.int64)  # the first rows stand for codes before the first
    contexts = np.zeros(4, np.int64)
    last = (1 << bits) - 1
    for code in range(codes):
        row = code + _BEFORE
        size = np.int64(0)
        for channel in range(channels):
            total = np.int64(constant) * coefficients[channel, 0]
            for before in range(1, _BEFORE + 1):
                total += values[row - before, channel] * coefficients[channel, before]
            for other in range(channel):
                total += values[row, other] * coefficients[channel, 1 + _BEFORE + other]
            predicted = _rank(total >> COEFFICIENT_BITS, bits)
            place = predicted >> (bits - 6)
            length = 0
            while size >> length:
                length += 1
            contexts[0] = channel
            contexts[1] = channels + channel * _PLACES + place
            contexts[2] = channels * (1 + _PLACES) + channel * _SIZES + length
            contexts[3] = channels * (1 + _PLACES + _SIZES) + length * _PLACES + place
            residual = code_value(coder, mixer, contexts, 0, ranks[code, channel] - predicted, bits)
            rank = min(max(predicted + residual, 0), last)
            ranks[code, channel] = rank
            values[row, channel] = _value(rank, bits)
            size = (size + abs(residual) + 1) >> 1
        check_data(coder)
