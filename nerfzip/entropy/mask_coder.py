# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type"
"""A binary mask on a 3-D lattice: contexts of causal neighbours, empty blocks skipped.

First one flag a block of 8×8×8 voxels (is any voxel set?), then the voxels of the blocks that are not empty, in
lattice order. Each decision mixes a small, a middle and a large neighbourhood: the small one learns fast, the large
one sees more. If the decoder knows a similar mask, such as another frame's, one more looks at the same place there.
"""

import numba
import numpy as np
from jaxtyping import Bool, Int64, UInt8

from nerfzip.entropy.binary_coder import Coder, check_data, decoder, encoded, encoder
from nerfzip.entropy.lattice import PAD, crop, flat_steps, nearest_offsets, pad
from nerfzip.entropy.mixing import Mixer, code_mixed_bit, mixer

BLOCK = 8
_NEIGHBOURS = 24
_SMALL, _MIDDLE, _LARGE = 10, 13, 18
_FLAG_NEIGHBOURS = 13
_REFERENCE_NEIGHBOURS = 10
"""Of a voxel in the reference, besides itself: the faces, and the nearest of the edges."""
_COUNTS = 25
_COUNT_LIMIT = 1000


def encode_mask(mask: Bool[np.ndarray, "X Y Z"], reference: Bool[np.ndarray, "X Y Z"] | None = None) -> bytes:
    """The coded mask; neither its shape nor the reference, a similar mask, is part of the code."""
    padded = pad(mask.astype(np.uint8))
    coder = encoder(mask.size + _blocks(mask.shape).size)
    _code(coder, padded, mask.shape, reference)
    return encoded(coder)


def decode_mask(
    data: bytes, shape: tuple[int, ...], reference: Bool[np.ndarray, "X Y Z"] | None = None
) -> Bool[np.ndarray, "X Y Z"]:
    """The inverse of `encode_mask`; damaged data give another mask of that shape."""
    padded = pad(np.zeros(shape, np.uint8))
    _code(decoder(data), padded, shape, reference)
    return crop(padded).astype(bool)


def _blocks(shape: tuple[int, ...]) -> UInt8[np.ndarray, "BX BY BZ"]:
    return np.zeros([-(-size // BLOCK) for size in shape], np.uint8)


def _code(
    coder: Coder,
    padded: UInt8[np.ndarray, "X+4 Y+4 Z+4"],
    shape: tuple[int, ...],
    reference: Bool[np.ndarray, "X Y Z"] | None,
) -> None:
    known = pad(np.zeros(shape, np.uint8) if reference is None else reference.astype(np.uint8))
    flags, known_flags = pad(_blocks(shape)), pad(_blocks(shape))
    _block_flags(padded, flags)
    _block_flags(known, known_flags)
    flag_steps = flat_steps(nearest_offsets(_FLAG_NEIGHBOURS, causal=True), flags.shape)
    _code_flags(coder, mixer(2 << _FLAG_NEIGHBOURS, 1), flags, known_flags, flag_steps)
    steps = flat_steps(nearest_offsets(_NEIGHBOURS, causal=True), padded.shape)
    known_steps = flat_steps(nearest_offsets(_REFERENCE_NEIGHBOURS, causal=False), padded.shape)
    slots = (1 << _SMALL) + 8 * (1 << _MIDDLE) + (1 << _LARGE) + 64 * _COUNTS
    models = 4
    if reference is not None:
        slots += 16 << _REFERENCE_NEIGHBOURS
        models += 1
    voxels = mixer(slots, models, 4 * models - 12, count_limit=_COUNT_LIMIT)
    _code_voxels(coder, voxels, padded, known, flags, steps, known_steps)


@numba.njit(cache=True, nogil=True)
def _block_flags(padded: UInt8[np.ndarray, "X+4 Y+4 Z+4"], flags: UInt8[np.ndarray, "BX+4 BY+4 BZ+4"]) -> None:
    for x in range(padded.shape[0] - 2 * PAD):
        for y in range(padded.shape[1] - 2 * PAD):
            for z in range(padded.shape[2] - 2 * PAD):
                if padded[x + PAD, y + PAD, z + PAD]:
                    flags[x // BLOCK + PAD, y // BLOCK + PAD, z // BLOCK + PAD] = 1


@numba.njit(cache=True, nogil=True)
def _code_flags(
    coder: Coder,
    mixer: Mixer,
    flags: UInt8[np.ndarray, "BX+4 BY+4 BZ+4"],
    known: UInt8[np.ndarray, "BX+4 BY+4 BZ+4"],
    steps: Int64[np.ndarray, "neighbours"],
) -> None:
    flat, flat_known = flags.reshape(-1), known.reshape(-1)
    for x in range(PAD, flags.shape[0] - PAD):
        for y in range(PAD, flags.shape[1] - PAD):
            for z in range(PAD, flags.shape[2] - PAD):
                position = (x * flags.shape[1] + y) * flags.shape[2] + z
                context = np.int64(flat_known[position])
                for step in steps:
                    context = context * 2 + flat[position + step]
                mixer.slots[0] = context
                flat[position] = code_mixed_bit(coder, mixer, 0, flat[position])
            check_data(coder)


@numba.njit(cache=True, nogil=True)
def _code_voxels(
    coder: Coder,
    mixer: Mixer,
    padded: UInt8[np.ndarray, "X+4 Y+4 Z+4"],
    known: UInt8[np.ndarray, "X+4 Y+4 Z+4"],
    flags: UInt8[np.ndarray, "BX+4 BY+4 BZ+4"],
    steps: Int64[np.ndarray, "neighbours"],
    known_steps: Int64[np.ndarray, "neighbours"],
) -> None:
    flat, flat_known = padded.reshape(-1), known.reshape(-1)
    bases = np.array([0, 1 << _SMALL, (1 << _SMALL) + 8 * (1 << _MIDDLE), 0, 0])
    bases[3] = bases[2] + (1 << _LARGE)
    bases[4] = bases[3] + 64 * _COUNTS
    for x in range(PAD, padded.shape[0] - PAD):
        for y in range(PAD, padded.shape[1] - PAD):
            row = (x * padded.shape[1] + y) * padded.shape[2]
            block_x, block_y = (x - PAD) // BLOCK + PAD, (y - PAD) // BLOCK + PAD
            for block_z in range(PAD, flags.shape[2] - PAD):
                if not flags[block_x, block_y, block_z]:
                    continue
                # Blocks not yet reached: their emptiness is already known.
                ahead = (
                    flags[block_x + 1, block_y, block_z]
                    + 2 * flags[block_x, block_y + 1, block_z]
                    + 4 * flags[block_x, block_y, block_z + 1]
                )
                start = (block_z - PAD) * BLOCK + PAD
                for z in range(start, min(start + BLOCK, padded.shape[2] - PAD)):
                    position = row + z
                    context, count, small, middle, large = 0, 0, 0, 0, 0
                    for i in range(_NEIGHBOURS):
                        value = np.int64(flat[position + steps[i]])
                        context += context + value
                        count += value
                        if i == _SMALL - 1:
                            small = context
                        if i == _MIDDLE - 1:
                            middle = context
                        if i == _LARGE - 1:
                            large = context
                    nearest = context >> (_NEIGHBOURS - 6)
                    mixer.slots[0] = small
                    mixer.slots[1] = bases[1] + middle * 8 + ahead
                    mixer.slots[2] = bases[2] + large
                    mixer.slots[3] = bases[3] + nearest * _COUNTS + count
                    faces = (context >> (_NEIGHBOURS - 3)) & 7
                    weight_set = (faces & 1) + ((faces >> 1) & 1) + (faces >> 2)
                    if len(mixer.slots) > 4:
                        there = np.int64(flat_known[position])
                        around = there
                        for step in known_steps:
                            around += around + np.int64(flat_known[position + step])
                        mixer.slots[4] = bases[4] + around * 8 + faces
                        weight_set += 4 * there
                    flat[position] = code_mixed_bit(coder, mixer, weight_set, flat[position])
            check_data(coder)
