# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type,call-overload,operator"
"""Features of the kept voxels, channel after channel within a voxel.

A channel is predicted from the same channel of causal kept neighbours, from the channels before it (of this voxel and
of the three nearest neighbours), and from the densities around. The residual's contexts hold the channel, the
expected error and the residuals of the channels before.
"""

import numba
import numpy as np
from jaxtyping import Float, Int8, Int16, Int32, Int64

from nerfzip.entropy.binary_coder import Coder, check_data, decoder, encoded, encoder
from nerfzip.entropy.lattice import flat_steps, nearest_offsets
from nerfzip.entropy.linear_prediction import (
    COEFFICIENT_BITS,
    COEFFICIENT_CODE_BITS,
    code_coefficients,
    fit_linear,
    predict,
)
from nerfzip.entropy.mixing import Mixer, mixer
from nerfzip.entropy.value_coder import NODES, code_value

_CAUSAL = 16
_AROUND = 6
_NEAREST = 3
_PRESENT = 32
_FIT_SAMPLES = 60_000
_VALUE_BITS = 9
_ERRORS = 16
_COUNT_LIMIT = 150
_ERROR_STEPS = np.array([4, 7, 10, 13, 16, 20, 24, 29, 34, 40, 47, 56, 68, 84, 110], np.int64)
_AVERAGE_WEIGHTS = np.array([4] * 3 + [2] * 6 + [1] * 7, np.int64)


def encode_features(
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "kept"],
    density: Int16[np.ndarray, "padded"],
    features: Int8[np.ndarray, "kept channels"],
    shape: tuple[int, ...],
) -> bytes:
    """Coefficients of each channel, then the coded residuals.

    Args:
        rows: at each padded voxel its row in `features` plus one; not positive where nothing is kept.
        sites: the positions of the kept voxels in the flattened padded grid of this `shape`.
        density: of all voxels, zero where there is none.
    """
    channels = features.shape[1]
    causal, around = _steps(shape)
    table = np.zeros((len(features) + 1, channels), np.int16)
    table[1:] = features
    coefficients = np.zeros((channels, _terms(channels)), np.int16)
    sample = np.arange(len(sites))[:: max(1, len(sites) // _FIT_SAMPLES)]
    for channel in range(channels if len(sites) else 0):
        design = _design(rows, sites, density, table, channel, sample, causal, around)
        coefficients[channel, : design.shape[1]] = fit_linear(design, features[sample, channel].astype(np.float64))
    coder = encoder(features.size * (2 * _VALUE_BITS + 2) + coefficients.size * COEFFICIENT_CODE_BITS)
    code_coefficients(coder, coefficients)
    _code(coder, _mixer(channels), rows, sites, density, table, coefficients, causal, around)
    return encoded(coder)


def decode_features(
    data: bytes,
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "kept"],
    density: Int16[np.ndarray, "padded"],
    channels: int,
    shape: tuple[int, ...],
) -> Int8[np.ndarray, "kept channels"]:
    """The inverse of `encode_features`; damaged data give other features."""
    causal, around = _steps(shape)
    coder = decoder(data)
    coefficients = np.zeros((channels, _terms(channels)), np.int16)
    code_coefficients(coder, coefficients)
    table = np.zeros((len(sites) + 1, channels), np.int16)
    _code(coder, _mixer(channels), rows, sites, density, table, coefficients, causal, around)
    return table[1:].astype(np.int8)


def _terms(channels: int) -> int:
    return 2 + 2 * _CAUSAL + 1 + _AROUND + (1 + _NEAREST) * (channels - 1)


def _steps(shape: tuple[int, ...]) -> tuple[Int64[np.ndarray, "causal"], Int64[np.ndarray, "around"]]:
    return (
        flat_steps(nearest_offsets(_CAUSAL, causal=True), shape),
        flat_steps(nearest_offsets(_AROUND, causal=False), shape),
    )


def _mixer(channels: int) -> Mixer:
    contexts = channels * (_ERRORS * 4 + 16 * 8 + 7 * 7 * 4 + 17 * 17)
    return mixer(contexts * NODES, 4, 3 * NODES, count_limit=_COUNT_LIMIT)


@numba.njit(cache=True, nogil=True)
def _design(
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "kept"],
    density: Int16[np.ndarray, "padded"],
    table: Int16[np.ndarray, "kept+1 channels"],
    channel: int,
    sample: Int64[np.ndarray, "sample"],
    causal: Int64[np.ndarray, "causal"],
    around: Int64[np.ndarray, "around"],
) -> Float[np.ndarray, "sample terms"]:
    count = 2 + 2 * _CAUSAL + 1 + _AROUND + (1 + _NEAREST) * channel
    design = np.empty((len(sample), count))
    terms = np.zeros(count)
    neighbours = np.zeros(_CAUSAL, np.int64)
    for i in range(len(sample)):
        site = sites[sample[i]]
        for n in range(_CAUSAL):
            neighbours[n] = max(rows[site + causal[n]], 0)
        _gather(neighbours, density, site, table, sample[i] + 1, channel, around, terms)
        design[i] = terms
    return design


@numba.njit(cache=True, nogil=True)
def _gather(
    neighbours: Int64[np.ndarray, "causal"],
    density: Int16[np.ndarray, "padded"],
    site: int,
    table: Int16[np.ndarray, "kept+1 channels"],
    row: int,
    channel: int,
    around: Int64[np.ndarray, "around"],
    terms: Float[np.ndarray, "terms"],
) -> int:
    """Fill the terms of the prediction of one channel and return how many there are."""
    total, weights = np.int64(0), np.int64(0)
    for n in range(_CAUSAL):
        value, there = np.int64(table[neighbours[n], channel]), np.int64(neighbours[n] > 0)
        terms[2 + n] = value
        terms[2 + _CAUSAL + n] = there * _PRESENT
        total += _AVERAGE_WEIGHTS[n] * value
        weights += _AVERAGE_WEIGHTS[n] * there
    terms[0] = _PRESENT
    terms[1] = total // max(weights, 1)
    count = 2 + 2 * _CAUSAL
    terms[count] = density[site]
    for i in range(_AROUND):
        terms[count + 1 + i] = density[site + around[i]]
    count += 1 + _AROUND
    for before in range(channel):
        terms[count] = table[row, before]
        for n in range(_NEAREST):
            terms[count + 1 + n] = table[neighbours[n], before]
        count += 1 + _NEAREST
    return count


@numba.njit(cache=True, nogil=True)
def _code(
    coder: Coder,
    mixer: Mixer,
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "kept"],
    density: Int16[np.ndarray, "padded"],
    table: Int16[np.ndarray, "kept+1 channels"],
    coefficients: Int16[np.ndarray, "channels terms"],
    causal: Int64[np.ndarray, "causal"],
    around: Int64[np.ndarray, "around"],
) -> None:
    channels = table.shape[1]
    terms = np.zeros(coefficients.shape[1])
    exact = coefficients.astype(np.float64)
    contexts = np.zeros(4, np.int64)
    neighbours = np.zeros(_CAUSAL, np.int64)
    errors = np.zeros(table.shape, np.int16)
    for row in range(1, len(table)):
        site = sites[row - 1]
        for n in range(_CAUSAL):
            neighbours[n] = max(rows[site + causal[n]], 0)
        last, before_last, error_sum = np.int64(0), np.int64(0), np.int64(40)
        for channel in range(channels):
            count = _gather(neighbours, density, site, table, row, channel, around, terms)
            prediction = predict(exact[channel, :count], terms)
            quarters = (prediction + (1 << (COEFFICIENT_BITS - 3))) >> (COEFFICIENT_BITS - 2)
            quarters = min(max(quarters, -128 * 4), 127 * 4)
            centre = (quarters + 2) >> 2
            fraction = (quarters + 2) & 3

            total, weights = np.int64(0), np.int64(0)
            for n in range(_CAUSAL):
                if neighbours[n] > 0:
                    total += _AVERAGE_WEIGHTS[n] * errors[neighbours[n], channel]
                    weights += _AVERAGE_WEIGHTS[n]
            expected = (total + 4 * error_sum) // (weights + 4)
            error = np.searchsorted(_ERROR_STEPS, expected, side="right")
            voxel_error = np.searchsorted(_ERROR_STEPS, error_sum, side="right")
            base = 0
            contexts[0] = (channel * _ERRORS + error) * 4 + fraction
            base += channels * _ERRORS * 4
            contexts[1] = base + (channel * 16 + ((centre + 128) >> 4)) * 8 + (error >> 1)
            base += channels * 16 * 8
            contexts[2] = base + ((channel * 7 + _sign_class(last)) * 7 + _sign_class(before_last)) * 4 + (error >> 2)
            base += channels * 49 * 4
            contexts[3] = base + (channel * 17 + voxel_error) * 17 + error
            weight_context = 0 if error < 5 else 1 if error < 10 else 2
            residual = code_value(coder, mixer, contexts, weight_context, table[row, channel] - centre, _VALUE_BITS)
            value = min(max(centre + residual, -128), 127)
            table[row, channel] = value
            signed = 4 * value - quarters
            errors[row, channel] = abs(signed)
            before_last, last = last, signed
            error_sum = (3 * error_sum + abs(signed) + 2) >> 2
        check_data(coder)


@numba.njit(cache=True, nogil=True)
def _sign_class(quarters: int) -> int:
    size = abs(quarters)
    step = 0 if size < 8 else 1 if size < 24 else 2 if size < 56 else 3
    return 3 + step if quarters >= 0 else 3 - step
