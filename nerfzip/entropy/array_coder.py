# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type"
"""Small arrays of numbers (codebooks, network weights): leading bits by context, the rest nearly as they are.

A number becomes an unsigned integer of the same order (for floats: sign and magnitude unfolded), and a matrix of them
is coded row by row. The leading bits of a number form a binary tree; its decisions mix what is usual in the array, in
the column and in the row, and after the number above and the number to the left. The bits below have a context for each
place.
"""

import numba
import numpy as np
from jaxtyping import Shaped, UInt32

from nerfzip.entropy.binary_coder import Coder, check_data, decoder, encoded, encoder
from nerfzip.entropy.mixing import Mixer, code_mixed_bit, mixer

_LEADING = 8
_SHARED = 6  # leading bits of a neighbour that serve as a context
_CONTEXTS = 256  # rows and columns beyond share contexts
_COUNT_LIMIT = 250
_MODELS = 5


def encode_arrays(arrays: list[Shaped[np.ndarray, "..."]]) -> bytes:
    """The arrays, one after another; types and shapes are not part of the code.

    Args:
        arrays: int8, float16 or float32, of any shape.
    """
    coder = encoder(sum(8 * array.nbytes for array in arrays))
    models: dict[int, Mixer] = {}
    for array in arrays:
        matrix = _matrix(ordered_patterns(array))
        _code(coder, _model(models, array.dtype), matrix, 8 * array.dtype.itemsize)
    return encoded(coder)


def decode_arrays(data: bytes, layouts: list[tuple[np.dtype, tuple[int, ...]]]) -> list[Shaped[np.ndarray, "..."]]:
    """The inverse of `encode_arrays`; damaged data give other numbers, floats possibly not finite."""
    coder = decoder(data)
    models: dict[int, Mixer] = {}
    arrays = []
    for dtype, shape in layouts:
        matrix = _matrix(np.zeros(shape, np.uint32))
        _code(coder, _model(models, dtype), matrix, 8 * dtype.itemsize)
        arrays.append(patterns_in_order(matrix.reshape(shape), dtype))
    return arrays


def _model(models: dict[int, Mixer], dtype: np.dtype) -> Mixer:
    """One model for each width of number, shared by the arrays: they teach each other."""
    if dtype.itemsize not in models:
        tree = 1 << _LEADING
        slots = tree * (1 + 2 * _CONTEXTS + 2 * (1 << _SHARED)) + 32 * _MODELS
        models[dtype.itemsize] = mixer(slots, _MODELS, _LEADING + 32, count_limit=_COUNT_LIMIT)
    return models[dtype.itemsize]


def _matrix(flat: UInt32[np.ndarray, "..."]) -> UInt32[np.ndarray, "rows columns"]:
    columns = flat.shape[-1] if flat.ndim > 1 else 1
    return flat.reshape(-1, columns) if columns else flat.reshape(0, 1)


def ordered_patterns(array: Shaped[np.ndarray, "..."]) -> UInt32[np.ndarray, "..."]:
    """Bit patterns (int8, float16, float32) as unsigned integers in the order of the numbers."""
    bits = 8 * array.dtype.itemsize
    top = np.uint32(1 << (bits - 1))
    pattern = np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}").astype(np.uint32)
    if array.dtype.kind == "i":
        return pattern ^ top
    return np.where(pattern & top, ~pattern & np.uint32((1 << bits) - 1), pattern | top)


def patterns_in_order(ordered: UInt32[np.ndarray, "..."], dtype: np.dtype) -> Shaped[np.ndarray, "..."]:
    """The inverse of `ordered_patterns`."""
    bits = 8 * dtype.itemsize
    top = np.uint32(1 << (bits - 1))
    if dtype.kind == "i":
        pattern = ordered ^ top
    else:
        pattern = np.where(ordered & top, ordered ^ top, ~ordered & np.uint32((1 << bits) - 1))
    return pattern.astype(f"u{dtype.itemsize}").view(dtype)


@numba.njit(cache=True, nogil=True)
def _code(coder: Coder, mixer: Mixer, matrix: UInt32[np.ndarray, "rows columns"], bits: int) -> None:
    tree = 1 << _LEADING
    shift = bits - _SHARED
    columns = matrix.shape[1]
    bases = np.zeros(_MODELS, np.int64)
    for row in range(matrix.shape[0]):
        for column in range(columns):
            above = np.int64(matrix[row - 1, column]) >> shift if row > 0 else np.int64(1) << (_SHARED - 1)
            left = np.int64(matrix[row, column - 1]) >> shift if column > 0 else np.int64(1) << (_SHARED - 1)
            bases[0] = 0
            bases[1] = 1 + min(column, _CONTEXTS - 1)
            bases[2] = 1 + _CONTEXTS + min(row, _CONTEXTS - 1)
            bases[3] = 1 + 2 * _CONTEXTS + above
            bases[4] = 1 + 2 * _CONTEXTS + (1 << _SHARED) + left
            value, decoded = np.int64(matrix[row, column]), np.int64(0)
            for place in range(bits):
                if place < _LEADING:
                    node = (1 << place) | decoded
                    for i in range(_MODELS):
                        mixer.slots[i] = bases[i] * tree + node
                else:
                    for i in range(_MODELS):
                        mixer.slots[i] = len(mixer.states) - 32 * (i + 1) + place
                bit = code_mixed_bit(coder, mixer, place, (value >> (bits - 1 - place)) & 1)
                decoded = decoded * 2 + bit
            matrix[row, column] = decoded
        check_data(coder)
