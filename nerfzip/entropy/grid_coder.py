# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type,return-value"
"""Integers on a channels-last lattice, by context: neighbours, the channels before, and a reference of the same shape.

First a mask of the voxels that hold anything but zeros, whose empty blocks cost next to nothing; then the values of
those voxels. Each decision mixes what is usual in the channel among such neighbours, after such a reference, and after
such channels before.
"""

import struct

import numba
import numpy as np
from jaxtyping import Int32, Int64

from nerfzip.entropy.binary_coder import Coder, check_data, decoder, encoded, encoder
from nerfzip.entropy.mask_coder import decode_mask, encode_mask
from nerfzip.entropy.mixing import Mixer, mixer
from nerfzip.entropy.value_coder import MAX_BITS, NODES, code_value
from nerfzip.errors import BitstreamError

_MODELS = 6
_SIGNED = 7  # values clipped to ±3
_AMOUNTS = 10  # classes of sums of magnitudes
_COUNT_LIMIT = 400
_LENGTH = struct.Struct("<I")


def encode_grid(values: Int32[np.ndarray, "x y z channels"], reference: Int32[np.ndarray, "x y z channels"]) -> bytes:
    """The values; shapes and reference are not part of the code.

    Args:
        values: of magnitudes below 2¹⁶.
        reference: what the decoder knows of each value, such as the key frame's; zeros if it knows nothing.
    """
    if values.size and int(np.abs(values.astype(np.int64)).max()) >> MAX_BITS:
        raise BitstreamError(f"values up to {np.abs(values).max()}, the coder takes magnitudes below {1 << MAX_BITS}")
    used = values.any(axis=-1)
    mask = encode_mask(used)
    coder = encoder(int(used.sum()) * values.shape[-1] * (2 * MAX_BITS + 2))
    _code(coder, _mixer(values.shape[-1]), values.copy(), reference, used)
    return _LENGTH.pack(len(mask)) + mask + encoded(coder)


def decode_grid(data: bytes, reference: Int32[np.ndarray, "x y z channels"]) -> Int32[np.ndarray, "x y z channels"]:
    """The inverse of `encode_grid`.

    Raises:
        BitstreamError: the data end too early.
    """
    if len(data) < _LENGTH.size or len(data) - _LENGTH.size < _LENGTH.unpack_from(data)[0]:
        raise BitstreamError("a coded grid: its mask ends too early")
    middle = _LENGTH.size + _LENGTH.unpack_from(data)[0]
    used = decode_mask(data[_LENGTH.size : middle], reference.shape[:3])
    values = np.zeros(reference.shape, np.int32)
    _code(decoder(data[middle:]), _mixer(reference.shape[-1]), values, reference, used)
    return values


def _mixer(channels: int) -> Mixer:
    contexts = channels * _AMOUNTS + channels * _SIGNED * 3 + _SIGNED**3 + channels * _SIGNED * 4
    contexts += _AMOUNTS * _SIGNED + channels * _SIGNED * _SIGNED
    return mixer(contexts * NODES, _MODELS, channels * NODES, count_limit=_COUNT_LIMIT)


@numba.njit(cache=True, nogil=True, inline="always")
def _amount(total: int) -> int:
    """A class of a sum of magnitudes: 0, 1, 2, 3, 4, and from there on two for each doubling."""
    if total < 5:
        return total
    if total < 6:
        return 5
    if total < 9:
        return 6
    if total < 14:
        return 7
    if total < 24:
        return 8
    return 9


@numba.njit(cache=True, nogil=True, inline="always")
def _clipped(value: int) -> int:
    return min(max(value, -3), 3) + 3


@numba.njit(cache=True, nogil=True)
def _code(
    coder: Coder,
    mixer: Mixer,
    values: Int32[np.ndarray, "x y z channels"],
    reference: Int32[np.ndarray, "x y z channels"],
    used: np.ndarray,
) -> None:
    size_x, size_y, size_z, channels = values.shape
    contexts: Int64[np.ndarray, 6] = np.zeros(_MODELS, np.int64)
    for x in range(size_x):
        for y in range(size_y):
            for z in range(size_z):
                if not used[x, y, z]:
                    continue
                before, previous = np.int64(0), np.int64(0)
                for c in range(channels):
                    a = np.int64(values[x, y, z - 1, c]) if z > 0 else np.int64(0)
                    b = np.int64(values[x, y - 1, z, c]) if y > 0 else np.int64(0)
                    d = np.int64(values[x - 1, y, z, c]) if x > 0 else np.int64(0)
                    r = np.int64(reference[x, y, z, c])
                    around = np.int64(0)
                    if z + 1 < size_z:
                        around += abs(np.int64(reference[x, y, z + 1, c]))
                    if y + 1 < size_y:
                        around += abs(np.int64(reference[x, y + 1, z, c]))
                    if x + 1 < size_x:
                        around += abs(np.int64(reference[x + 1, y, z, c]))
                    amount = abs(a) + abs(b) + abs(d)
                    mean = a + b + d
                    mean = (mean + 1) // 3 if mean >= 0 else -((1 - mean) // 3)
                    first = np.int64(0)
                    contexts[0] = first + c * _AMOUNTS + _amount(amount)
                    first += channels * _AMOUNTS
                    contexts[1] = first + (c * _SIGNED + _clipped(r)) * 3 + min(amount, 2)
                    first += channels * _SIGNED * 3
                    contexts[2] = first + (_clipped(a) * _SIGNED + _clipped(b)) * _SIGNED + _clipped(d)
                    first += _SIGNED**3
                    contexts[3] = first + (c * _SIGNED + _clipped(previous)) * 4 + min(before // (c + 1), 3)
                    first += channels * _SIGNED * 4
                    contexts[4] = first + _amount(around + 2 * abs(r)) * _SIGNED + _clipped(r)
                    first += _AMOUNTS * _SIGNED
                    contexts[5] = first + (c * _SIGNED + _clipped(mean)) * _SIGNED + _clipped(r)
                    value = code_value(coder, mixer, contexts, c, np.int64(values[x, y, z, c]), MAX_BITS)
                    values[x, y, z, c] = value
                    previous = value
                    before += abs(value)
                check_data(coder)
