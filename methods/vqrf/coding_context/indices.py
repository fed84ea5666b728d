# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type,call-overload,operator"
"""Code indices: paths through a tree of codes, each decision with what the neighbourhood says about it.

A voxel's features are predicted from its causal quantized neighbours and from all kept neighbours. At each node of
the tree the prediction's place along the node's axis, and the sides that the nearest neighbours' own codes take, are
contexts.
"""

import numba
import numpy as np
from jaxtyping import Float, Int8, Int16, Int32, Int64, Shaped

from nerfzip.entropy.binary_coder import Coder, check_data, decoder, encoded, encoder
from nerfzip.entropy.code_tree import CodeTree, build_tree, integer_codebook
from nerfzip.entropy.lattice import flat_steps, nearest_offsets
from nerfzip.entropy.linear_prediction import (
    COEFFICIENT_BITS,
    COEFFICIENT_CODE_BITS,
    code_coefficients,
    fit_linear,
)
from nerfzip.entropy.mixing import Mixer, code_mixed_bit, mixer

_AROUND = 26
_KEPT_SCALE = 16  # kept features as terms: their coefficients then fit 16 bits
_PRESENT = 256
_FIT_SAMPLES = 40_000
_MAX_DEPTH = 17
_AGREEING = 3  # nearest neighbours whose codes' sides are contexts
_BUCKETS = 16
_ERRORS = 6
_COUNT_LIMIT = 150
_LEARNING_RATE = 0.002
_PREDICTION_LIMIT = 1 << 13
_INVERSE_BITS = 28
_INPUT_LIMIT = 1024


def encode_indices(
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "non_pruned"],
    kept_features: Int8[np.ndarray, "kept channels"],
    indices: Int32[np.ndarray, "quantized"],
    codebook: Shaped[np.ndarray, "codes channels"],
    shape: tuple[int, ...],
) -> bytes:
    """Coefficients of the prediction, then the coded paths.

    Args:
        rows: at each padded voxel 0 (pruned), 1 + i (the i-th kept voxel), or -1 - i (the i-th quantized voxel).
        sites: the positions of the quantized voxels in the flattened padded grid of this `shape`.
    """
    values = integer_codebook(codebook)
    tree = build_tree(values)
    steps = _steps(shape)
    table = _table(kept_features, len(indices))
    table[len(kept_features) + 1 :] = values[indices]
    coefficients = _fit(rows, sites, table, len(kept_features), steps)
    coder = encoder(len(indices) * _MAX_DEPTH + coefficients.size * COEFFICIENT_CODE_BITS)
    code_coefficients(coder, coefficients)
    leaves = tree.leaves[indices]
    _code(coder, _mixer(values), rows, sites, table, len(kept_features), values, tree, leaves, coefficients, steps)
    return encoded(coder)


def decode_indices(
    data: bytes,
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "non_pruned"],
    kept_features: Int8[np.ndarray, "kept channels"],
    codebook: Shaped[np.ndarray, "codes channels"],
    shape: tuple[int, ...],
) -> Int32[np.ndarray, "quantized"]:
    """The inverse of `encode_indices`; damaged data give other indices within the codebook."""
    values = integer_codebook(codebook)
    tree = build_tree(values)
    coder = decoder(data)
    coefficients = np.zeros((codebook.shape[1], _terms()), np.int16)
    code_coefficients(coder, coefficients)
    table = _table(kept_features, len(sites))
    leaves = np.zeros(len(sites), np.int32)
    _code(
        coder, _mixer(values), rows, sites, table, len(kept_features), values, tree, leaves, coefficients, _steps(shape)
    )
    return tree.codes[leaves]


def _steps(shape: tuple[int, ...]) -> Int64[np.ndarray, "around"]:
    return flat_steps(nearest_offsets(_AROUND, causal=False), shape)


def _terms() -> int:
    """A constant, the averages, and value and presence of each neighbour: causal quantized ones, kept ones."""
    return 2 + 2 * (_AROUND // 2 + _AROUND)


def _table(kept_features: Int8[np.ndarray, "kept channels"], quantized: int) -> Int16[np.ndarray, "rows channels"]:
    """Row 0 is nobody's; then the kept voxels' features, then the quantized voxels' (filled in as they are decoded)."""
    kept, channels = kept_features.shape
    table = np.zeros((1 + kept + quantized, channels), np.int16)
    table[1 : 1 + kept] = kept_features.astype(np.int16) * _KEPT_SCALE
    return table


def _mixer(values: Int32[np.ndarray, "codes channels"]) -> Mixer:
    nodes = 1 << max(len(values) - 1, 1).bit_length()
    slots = nodes * (1 + 8 + 27) + _MAX_DEPTH * (4 * _BUCKETS * _ERRORS + 27 * _BUCKETS)
    return mixer(slots, 5, _MAX_DEPTH * _ERRORS, 2, count_limit=_COUNT_LIMIT, learning_rate=_LEARNING_RATE)


def _fit(
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "quantized"],
    table: Int16[np.ndarray, "rows channels"],
    kept: int,
    steps: Int64[np.ndarray, "around"],
) -> Int16[np.ndarray, "channels terms"]:
    channels = table.shape[1]
    coefficients = np.zeros((channels, _terms()), np.int16)
    sample = np.arange(len(sites))[:: max(1, len(sites) // _FIT_SAMPLES)]
    for channel in range(channels if len(sites) else 0):
        design = _design(rows, sites[sample], table[:, channel].copy(), kept, steps)
        coefficients[channel] = fit_linear(design, table[1 + kept + sample, channel].astype(np.float64))
    return coefficients


@numba.njit(cache=True, nogil=True)
def _design(
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "sample"],
    values: Int16[np.ndarray, "rows"],
    kept: int,
    steps: Int64[np.ndarray, "around"],
) -> Float[np.ndarray, "sample terms"]:
    design = np.zeros((len(sites), 2 + 2 * (_AROUND // 2 + _AROUND)))
    neighbours, terms = np.zeros(_AROUND, np.int64), np.zeros(_AROUND, np.int64)
    for i in range(len(sites)):
        found = _neighbours(rows, sites[i], kept, steps, neighbours, terms)
        total, weights = np.int64(0), np.int64(0)
        for n in range(found):
            value = values[neighbours[n]]
            design[i, terms[n]] = value
            design[i, terms[n] + 1] = _PRESENT
            if neighbours[n] > kept:
                total += value
                weights += 1
        design[i, 0] = _PRESENT
        design[i, 1] = total // max(weights, 1)
    return design


@numba.njit(cache=True, nogil=True)
def _neighbours(
    rows: Int32[np.ndarray, "padded"],
    site: int,
    kept: int,
    steps: Int64[np.ndarray, "around"],
    neighbours: Int64[np.ndarray, "around"],
    terms: Int64[np.ndarray, "around"],
) -> int:
    """List the table's rows of the neighbours that are known, and which term each is; return their number."""
    found, causal = 0, 0
    for n in range(_AROUND):
        row = np.int64(rows[site + steps[n]])
        earlier = steps[n] < 0
        if row > 0:
            neighbours[found] = row
            terms[found] = 2 + _AROUND + 2 * n
            found += 1
        elif row < 0 and earlier:
            neighbours[found] = kept - row
            terms[found] = 2 + 2 * causal
            found += 1
        causal += 1 if earlier else 0
    return found


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _code(
    coder: Coder,
    mixer: Mixer,
    rows: Int32[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "quantized"],
    table: Int16[np.ndarray, "rows channels"],
    kept: int,
    values: Int32[np.ndarray, "codes channels"],
    tree: CodeTree,
    leaves: Int32[np.ndarray, "quantized"],
    coefficients: Int16[np.ndarray, "channels terms"],
    steps: Int64[np.ndarray, "around"],
) -> None:
    channels = table.shape[1]
    neighbours, terms = np.zeros(_AROUND, np.int64), np.zeros(_AROUND, np.int64)
    # Sums of products of integers below 2**53 are exact in float64, in any order; and they are fast.
    exact = coefficients.T.copy().astype(np.float64)
    axes = tree.axes.astype(np.float64)
    total, prediction, average = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    agreeing = np.zeros(_AGREEING, np.int64)
    errors = np.zeros(len(table), np.int32)
    nodes = len(tree.thresholds)
    inverse_spreads = (1 << _INVERSE_BITS) // tree.spreads
    unit = np.int64(1)
    for channel in range(channels):
        unit = max(unit, np.abs(values[:, channel]).sum() // max(len(values), 1))
    for i in range(len(sites)):
        found = _neighbours(rows, sites[i], kept, steps, neighbours, terms)
        for channel in range(channels):
            average[channel] = 0.0
            total[channel] = exact[0, channel] * _PRESENT
        agreed, error, weights = 0, np.int64(0), np.int64(0)
        for n in range(found):
            row, term = neighbours[n], terms[n]
            for channel in range(channels):
                total[channel] += exact[term, channel] * table[row, channel] + exact[term + 1, channel] * _PRESENT
            if row > kept:
                for channel in range(channels):
                    average[channel] += table[row, channel]
                error += errors[row]
                weights += 1
                if agreed < _AGREEING:
                    agreeing[agreed] = leaves[row - kept - 1]
                    agreed += 1
        for channel in range(channels):
            average[channel] = np.float64(np.int64(average[channel]) // max(weights, 1))
            predicted = np.int64(total[channel] + exact[1, channel] * average[channel]) >> COEFFICIENT_BITS
            prediction[channel] = min(max(predicted, -_PREDICTION_LIMIT), _PREDICTION_LIMIT)
        error = error // weights if weights else unit * channels
        certainty = _error_class(error, unit * channels)

        start, end, node, depth, leaf = 0, len(values), 1, 0, np.int64(leaves[i])
        while end - start > 1:
            middle = (start + end + 1) // 2
            product, average_product = 0.0, 0.0
            for channel in range(channels):
                product += axes[node, channel] * prediction[channel]
                average_product += axes[node, channel] * average[channel]
            inverse = inverse_spreads[node]
            place = _place(np.int64(product) - tree.thresholds[node], inverse)
            average_place = _place(np.int64(average_product) - tree.thresholds[node], inverse)
            fine = min(max((place >> 5) + 2 * _BUCKETS, 0), 4 * _BUCKETS - 1)
            sides = 0
            for n in range(_AGREEING):
                side = 0
                if n < agreed and start <= agreeing[n] < end:
                    side = 1 if agreeing[n] < middle else 2
                sides = sides * 3 + side
            base = 0
            mixer.slots[0] = node
            base += nodes
            mixer.slots[1] = base + node * 8 + min(max((fine - 16) >> 2, 0), 7)
            base += nodes * 8
            mixer.slots[2] = base + node * 27 + sides
            base += nodes * 27
            mixer.slots[3] = base + (depth * 4 * _BUCKETS + fine) * _ERRORS + certainty
            base += _MAX_DEPTH * 4 * _BUCKETS * _ERRORS
            mixer.slots[4] = base + (depth * _BUCKETS + (fine >> 2)) * 27 + sides
            mixer.inputs[5] = min(max(place, -_INPUT_LIMIT), _INPUT_LIMIT)
            mixer.inputs[6] = min(max(average_place, -_INPUT_LIMIT), _INPUT_LIMIT)
            bit = code_mixed_bit(coder, mixer, depth * _ERRORS + certainty, 1 if leaf >= middle else 0)
            if bit:
                start = middle
            else:
                end = middle
            node = 2 * node + bit
            depth += 1
        leaves[i] = start
        error = 0
        code = tree.codes[start]
        for channel in range(channels):
            table[1 + kept + i, channel] = values[code, channel]
            error += abs(values[code, channel] - np.int64(prediction[channel]))
        errors[1 + kept + i] = error
        check_data(coder)


@numba.njit(cache=True, nogil=True, forceinline=True)
def _place(distance: int, inverse_spread: int) -> int:
    """A distance from a node's threshold in units of its spread, times 256."""
    return (distance * inverse_spread) >> (_INVERSE_BITS - 8)


@numba.njit(cache=True, nogil=True)
def _error_class(error: int, unit: int) -> int:
    ratio = 8 * error // unit
    return 0 if ratio < 2 else 1 if ratio < 4 else 2 if ratio < 6 else 3 if ratio < 9 else 4 if ratio < 14 else 5
