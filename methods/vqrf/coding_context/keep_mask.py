# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type"
"""The keep mask, inside the mask of voxels not pruned: contexts of causal neighbours and of the densities around."""

import numba
import numpy as np
from jaxtyping import Int16, Int64, UInt8

from nerfzip.entropy.binary_coder import Coder, check_data, decoder, encoded, encoder
from nerfzip.entropy.lattice import flat_steps, nearest_offsets
from nerfzip.entropy.mixing import Mixer, code_mixed_bit, mixer

_CAUSAL = 13
_SMALL = 6
_AROUND = 6
_BUCKETS = 8
_FINE_BUCKETS = 32
_CONTEXTS = (1 << _SMALL) * _BUCKETS * _BUCKETS, 1 << _CAUSAL, (_CAUSAL + 1) * _FINE_BUCKETS * _BUCKETS, 1 << 12
_COUNT_LIMIT = 250


def encode_keep_mask(
    mask: UInt8[np.ndarray, "X+4 Y+4 Z+4"],
    sites: Int64[np.ndarray, "non_pruned"],
    density: Int16[np.ndarray, "padded"],
    keep: UInt8[np.ndarray, "padded"],
) -> bytes:
    """The coded mask.

    Args:
        mask: the padded mask of voxels not pruned, `sites` their positions in it, flattened.
        density: at each padded voxel, zero where pruned.
        keep: the mask to code, padded and flattened.
    """
    coder = encoder(len(sites))
    _run(coder, mask, sites, density, keep.copy())
    return encoded(coder)


def decode_keep_mask(
    data: bytes,
    mask: UInt8[np.ndarray, "X+4 Y+4 Z+4"],
    sites: Int64[np.ndarray, "non_pruned"],
    density: Int16[np.ndarray, "padded"],
) -> UInt8[np.ndarray, "padded"]:
    """The inverse of `encode_keep_mask`; damaged data give another mask inside `mask`."""
    keep = np.zeros(mask.size, np.uint8)
    _run(decoder(data), mask, sites, density, keep)
    return keep


def _run(
    coder: Coder,
    mask: UInt8[np.ndarray, "X+4 Y+4 Z+4"],
    sites: Int64[np.ndarray, "non_pruned"],
    density: Int16[np.ndarray, "padded"],
    keep: UInt8[np.ndarray, "padded"],
) -> None:
    causal = flat_steps(nearest_offsets(_CAUSAL, causal=True), mask.shape)
    around = flat_steps(nearest_offsets(_AROUND, causal=False), mask.shape)
    models = mixer(sum(_CONTEXTS), len(_CONTEXTS), _BUCKETS, count_limit=_COUNT_LIMIT)
    _code(coder, models, mask.reshape(-1), sites, density, keep, causal, around)


@numba.njit(cache=True, nogil=True)
def _code(
    coder: Coder,
    mixer: Mixer,
    mask: UInt8[np.ndarray, "padded"],
    sites: Int64[np.ndarray, "non_pruned"],
    density: Int16[np.ndarray, "padded"],
    keep: UInt8[np.ndarray, "padded"],
    causal: Int64[np.ndarray, "causal"],
    around: Int64[np.ndarray, "around"],
) -> None:
    for site in sites:
        context, kept = 0, 0
        for i in range(_CAUSAL):
            value = np.int64(keep[site + causal[i]])
            context = context * 2 + value
            kept += value
        small = context >> (_CAUSAL - _SMALL)
        total, present, faces = np.int64(0), np.int64(0), 0
        largest = np.int64(-128)
        for i in range(_AROUND):
            there = np.int64(mask[site + around[i]])
            value = np.int64(density[site + around[i]])
            faces = faces * 2 + there
            if there:
                total += value
                present += 1
                largest = max(largest, value)
        own = np.int64(density[site])
        mean = total // present if present else own
        base = 0
        mixer.slots[0] = (small * _BUCKETS + ((own + 128) >> 5)) * _BUCKETS + ((mean + 128) >> 5)
        base += (1 << _SMALL) * _BUCKETS * _BUCKETS
        mixer.slots[1] = base + context
        base += 1 << _CAUSAL
        mixer.slots[2] = base + (kept * _FINE_BUCKETS + ((own + 128) >> 3)) * _BUCKETS + ((largest + 128) >> 5)
        base += (_CAUSAL + 1) * _FINE_BUCKETS * _BUCKETS
        mixer.slots[3] = base + faces * 64 + small
        keep[site] = code_mixed_bit(coder, mixer, min(kept, _BUCKETS - 1), np.int64(keep[site]))
        check_data(coder)
