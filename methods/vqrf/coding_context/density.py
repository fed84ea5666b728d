# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type,call-overload,operator"
"""Densities: predicted from causal neighbours and the mask around, residuals with contexts of the expected error."""

import numba
import numpy as np
from jaxtyping import Float, Int8, Int16, Int64, UInt8

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

_CAUSAL = 24
_AROUND = 26
_AVERAGED = 13
_PRESENT = 32  # a neighbour's presence as a term: its coefficient then fits 16 bits
_TERMS = 2 + 2 * _CAUSAL + _AROUND // 2
_CLASSES = 4
_FIT_SAMPLES = 60_000
_VALUE_BITS = 9
_ERRORS = 16
_CONTEXTS = (_ERRORS * 4, 16 * 8, 64 * 4, 17 * 17, 17 * 17)
_WEIGHT_CONTEXTS = 3
_COUNT_LIMIT = 400
# Thresholds of the expected absolute error, in quarters of a step.
_ERROR_STEPS = np.array([2, 4, 7, 10, 13, 16, 20, 24, 29, 34, 40, 47, 56, 68, 88], np.int64)
_AVERAGE_WEIGHTS = np.array([4] * 3 + [2] * 6 + [1] * 4, np.int64)


def encode_density(
    mask: UInt8[np.ndarray, "X+4 Y+4 Z+4"], sites: Int64[np.ndarray, "sites"], density: Int8[np.ndarray, "sites"]
) -> bytes:
    """Coefficients (one row a class), then residuals.

    Args:
        mask: the padded mask of voxels that have a density.
        sites: their positions in the flattened padded mask.
    """
    causal, around = _steps(mask.shape)
    values = np.zeros(mask.size, np.int16)
    values[sites] = density
    coefficients = _fit(values, mask.reshape(-1), sites, causal, around)
    coder = encoder(len(sites) * (_VALUE_BITS * 2 + 2) + coefficients.size * COEFFICIENT_CODE_BITS)
    code_coefficients(coder, coefficients)
    _code(coder, _mixer(), values, mask.reshape(-1), sites, causal, around, coefficients)
    return encoded(coder)


def decode_density(
    data: bytes, mask: UInt8[np.ndarray, "X+4 Y+4 Z+4"], sites: Int64[np.ndarray, "sites"]
) -> Int8[np.ndarray, "sites"]:
    """The inverse of `encode_density`; damaged data give other densities."""
    causal, around = _steps(mask.shape)
    coder = decoder(data)
    coefficients = np.zeros((_CLASSES, _TERMS), np.int16)
    code_coefficients(coder, coefficients)
    values = np.zeros(mask.size, np.int16)
    _code(coder, _mixer(), values, mask.reshape(-1), sites, causal, around, coefficients)
    return values[sites].astype(np.int8)


def _steps(shape: tuple[int, ...]) -> tuple[Int64[np.ndarray, "causal"], Int64[np.ndarray, "around"]]:
    causal, around = nearest_offsets(_CAUSAL, causal=True), nearest_offsets(_AROUND, causal=False)
    ahead = np.array([offset for offset in around if tuple(offset) > (0, 0, 0)])
    return flat_steps(causal, shape), flat_steps(ahead, shape)


def _mixer() -> Mixer:
    return mixer(sum(_CONTEXTS) * NODES, len(_CONTEXTS), _WEIGHT_CONTEXTS * NODES, count_limit=_COUNT_LIMIT)


def _fit(
    values: Int16[np.ndarray, "padded"],
    mask: UInt8[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "sites"],
    causal: Int64[np.ndarray, "causal"],
    around: Int64[np.ndarray, "ahead"],
) -> Int16[np.ndarray, "classes terms"]:
    sample = sites[:: max(1, len(sites) // _FIT_SAMPLES)]
    design, classes = _design(values, mask, sample, causal, around)
    coefficients = np.zeros((_CLASSES, _TERMS), np.int16)
    for number in range(_CLASSES):
        rows = classes == number
        if rows.any():
            coefficients[number] = fit_linear(design[rows], values[sample[rows]])
    return coefficients


@numba.njit(cache=True, nogil=True)
def _design(
    values: Int16[np.ndarray, "padded"],
    mask: UInt8[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "sites"],
    causal: Int64[np.ndarray, "causal"],
    around: Int64[np.ndarray, "ahead"],
) -> tuple[Float[np.ndarray, "sites terms"], Int64[np.ndarray, "sites"]]:
    design = np.empty((len(sites), _TERMS))
    classes = np.empty(len(sites), np.int64)
    terms = np.zeros(_TERMS)
    for row in range(len(sites)):
        classes[row] = _gather(values, mask, sites[row], causal, around, terms)
        design[row] = terms
    return design, classes


@numba.njit(cache=True, nogil=True)
def _gather(
    values: Int16[np.ndarray, "padded"],
    mask: UInt8[np.ndarray, "padded"],
    site: int,
    causal: Int64[np.ndarray, "causal"],
    around: Int64[np.ndarray, "ahead"],
    terms: Float[np.ndarray, "terms"],
) -> int:
    """Fill the terms of the prediction and return its class, from causal values and the whole mask."""
    total, weights, present = np.int64(0), np.int64(0), 0
    for i in range(len(causal)):
        value, there = np.int64(values[site + causal[i]]), np.int64(mask[site + causal[i]])
        terms[2 + i] = value
        terms[2 + _CAUSAL + i] = there * _PRESENT
        if i < _AVERAGED:
            total += _AVERAGE_WEIGHTS[i] * value
            weights += _AVERAGE_WEIGHTS[i] * there
            present += there
    for i in range(len(around)):
        terms[2 + 2 * _CAUSAL + i] = np.int64(mask[site + around[i]]) * _PRESENT
    terms[0] = _PRESENT
    terms[1] = total // max(weights, 1)
    return min(present * _CLASSES // (_AVERAGED + 1), _CLASSES - 1)


@numba.njit(cache=True, nogil=True)
def _code(
    coder: Coder,
    mixer: Mixer,
    values: Int16[np.ndarray, "padded"],
    mask: UInt8[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "sites"],
    causal: Int64[np.ndarray, "causal"],
    around: Int64[np.ndarray, "ahead"],
    coefficients: Int16[np.ndarray, "classes terms"],
) -> None:
    terms = np.zeros(_TERMS)
    contexts = np.zeros(len(_CONTEXTS), np.int64)
    exact = coefficients.astype(np.float64)
    errors = np.zeros(len(values), np.int16)
    for site in sites:
        number = _gather(values, mask, site, causal, around, terms)
        prediction = predict(exact[number], terms)
        quarters = (prediction + (1 << (COEFFICIENT_BITS - 3))) >> (COEFFICIENT_BITS - 2)
        quarters = min(max(quarters, -128 * 4), 127 * 4)
        centre = (quarters + 2) >> 2
        fraction = (quarters + 2) & 3

        total, weights = np.int64(0), np.int64(0)
        for i in range(_AVERAGED):
            total += _AVERAGE_WEIGHTS[i] * errors[site + causal[i]]
            weights += _AVERAGE_WEIGHTS[i] * mask[site + causal[i]]
        expected = total // weights if weights > 0 else np.int64(40)
        error = np.searchsorted(_ERROR_STEPS, expected, side="right")
        spread = np.int64(0)
        for i in range(_AVERAGED):
            if mask[site + causal[i]]:
                spread += _AVERAGE_WEIGHTS[i] * abs(values[site + causal[i]] - centre)
        spread = np.searchsorted(_ERROR_STEPS, (4 * spread) // weights if weights > 0 else 40, side="right")
        faces = 0
        for i in range(3):
            faces = faces * 4 + 2 * mask[site + causal[i]] + mask[site + around[i]]

        contexts[0] = error * 4 + fraction
        contexts[1] = 64 + ((centre + 128) >> 4) * 8 + (error >> 1)
        contexts[2] = 64 + 128 + faces * 4 + (error >> 2)
        contexts[3] = (
            64
            + 128
            + 256
            + _offset(values, mask, site + causal[0], centre) * 17
            + _offset(values, mask, site + causal[1], centre)
        )
        contexts[4] = 64 + 128 + 256 + 289 + _offset(values, mask, site + causal[2], centre) * 17 + spread
        weight_context = 0 if error < 5 else 1 if error < 10 else 2
        residual = code_value(coder, mixer, contexts, weight_context, values[site] - centre, _VALUE_BITS)
        value = min(max(centre + residual, -128), 127)
        values[site] = value
        errors[site] = abs(4 * value - quarters)
        check_data(coder)


@numba.njit(cache=True, nogil=True)
def _offset(values: Int16[np.ndarray, "padded"], mask: UInt8[np.ndarray, "padded"], position: int, centre: int) -> int:
    """Where a neighbour's value lies relative to the prediction, in 16 classes; 16 where it has none."""
    if not mask[position]:
        return 16
    difference = np.int64(values[position]) - centre
    size = abs(difference)
    step = (
        0
        if size < 2
        else 1
        if size < 5
        else 2
        if size < 9
        else 3
        if size < 14
        else 4
        if size < 21
        else 5
        if size < 32
        else 6
    )
    return 7 + step if difference >= 0 else 7 - step
