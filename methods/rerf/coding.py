"""The tensors of a frame as the bytes of its section.

A section holds, each after its length (u32): the mask of kept blocks, the axes, the coefficients; and in a frame that
is not a key frame the mask of moving blocks and their offsets.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from methods.rerf import coding_huffman, coding_range
from methods.rerf.closed_loop import CodedFrame
from nerfzip.bitstream.parts import join_parts, split_parts
from nerfzip.entropy.array_coder import decode_arrays, encode_arrays
from nerfzip.entropy.mask_coder import decode_mask, encode_mask
from nerfzip.errors import BitstreamError

FLOAT16 = np.dtype(np.float16)


@dataclass(frozen=True)
class Coder:
    """How each kind of tensor is coded; the decoders take the data, and the shape or number of what is expected."""

    encode_mask: Callable[[np.ndarray], bytes]
    decode_mask: Callable[[bytes, tuple[int, ...]], np.ndarray]
    encode_floats: Callable[[np.ndarray], bytes]
    decode_floats: Callable[[bytes, tuple[int, ...]], np.ndarray]
    encode_coefficients: Callable[[np.ndarray], bytes]
    decode_coefficients: Callable[[bytes, int, int], np.ndarray]


def _decode_bits(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    count = int(np.prod(shape))
    _expect_bytes(data, -(-count // 8), "a mask")
    return np.unpackbits(np.frombuffer(data, np.uint8), count=count).reshape(shape).astype(bool)


def _decode_plain(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    _expect_bytes(data, 2 * int(np.prod(shape)), "an array of float16")
    return np.frombuffer(data, "<f2").astype(FLOAT16).reshape(shape)


def _expect_bytes(data: bytes, expected: int, what: str) -> None:
    if len(data) != expected:
        raise BitstreamError(f"{what}: {len(data)} bytes, expected {expected}")


HUFFMAN = Coder(
    lambda mask: np.packbits(mask).tobytes(),
    _decode_bits,
    lambda values: values.astype("<f2").tobytes(),
    _decode_plain,
    coding_huffman.encode_coefficients,
    coding_huffman.decode_coefficients,
)
"""As published: masks and floats as they are, coefficients as in JPEG."""
RANGE = Coder(
    encode_mask,
    decode_mask,
    lambda values: encode_arrays([values]),
    lambda data, shape: decode_arrays(data, [(FLOAT16, shape)])[0],
    coding_range.encode_coefficients,
    coding_range.decode_coefficients,
)
"""Everything range-coded."""
CODERS = {"huffman": HUFFMAN, "range": RANGE}


def encode_section(frame: CodedFrame, coder: Coder) -> bytes:
    """The bytes of a frame."""
    parts = [
        coder.encode_mask(frame.kept),
        coder.encode_floats(frame.axes),
        coder.encode_coefficients(frame.coefficients),
    ]
    if frame.moving is not None and frame.offsets is not None:
        parts += [coder.encode_mask(frame.moving), coder.encode_floats(frame.offsets)]
    return join_parts(parts)


def decode_section(data: bytes, coder: Coder, blocks: tuple[int, int, int], channels: int, key: bool) -> CodedFrame:
    """The inverse.

    Args:
        blocks: of the grid along each axis.
        channels: with the density.
        key: whether it is a key frame.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    parts = split_parts(data, 3 if key else 5)
    kept = coder.decode_mask(parts[0], blocks)
    count = int(kept.sum())
    axes = coder.decode_floats(parts[1], (channels - 1, channels - 1))
    coefficients = coder.decode_coefficients(parts[2], count, channels)
    moving, offsets = None, None
    if not key:
        moving = coder.decode_mask(parts[3], blocks)
        offsets = coder.decode_floats(parts[4], (int(moving.sum()), 3))
    return CodedFrame(kept, coefficients, axes, moving, offsets)
