"""A frame's section: the mask of its occupancy, then grid by grid its symbols."""

import struct
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from methods.jointrf.grids import FrameEntropy, Symbols
from nerfzip.entropy.deflate import deflate_array, inflate_array
from nerfzip.entropy.grid_coder import decode_grid, encode_grid
from nerfzip.entropy.mask_coder import decode_mask, encode_mask
from nerfzip.entropy.table_coder import decode_with_tables, encode_with_tables
from nerfzip.errors import BitstreamError

_LENGTH = struct.Struct("<I")


class Coder(StrEnum):
    PAPER = "paper"
    """Each grid by the learned distributions of its channels, whose tables are in the file."""
    CONTEXT = "context"
    """By neighbours, and what the frame that it depends on has at the same place."""
    FLOAT32 = "float32"
    """Not quantized, deflated: what compression is measured against."""


def encode_frame(
    mask: Bool[Tensor, "x y z"], symbols: Symbols, entropy: FrameEntropy, reference: Symbols | None, coder: Coder
) -> bytes:
    """The section of a frame; its shapes and its reference are not part of it."""
    parts = [encode_mask(mask.numpy())]
    grids = symbols.grids()
    for index, grid in enumerate(grids):
        values = grid.numpy()
        if coder is Coder.PAPER:
            parts.append(encode_with_tables(values.reshape(-1, values.shape[-1]), entropy.probabilities(index)))
        elif coder is Coder.FLOAT32:
            parts.append(deflate_array(values))
        else:
            parts.append(encode_grid(values, _reference(reference, index, values.shape)))
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def decode_frame(
    data: bytes,
    occupancy: tuple[int, int, int],
    shapes: Sequence[tuple[int, int, int, int]],
    reference: Symbols | None,
    coder: Coder,
) -> tuple[Bool[Tensor, "x y z"], Symbols]:
    """The inverse of `encode_frame`; `shapes` are those of the bases, then of the coefficients.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    parts = _parts(data, 1 + len(shapes))
    mask = torch.from_numpy(decode_mask(parts[0], occupancy))
    grids = []
    for index, (part, shape) in enumerate(zip(parts[1:], shapes, strict=True)):
        if coder is Coder.PAPER:
            voxels = shape[0] * shape[1] * shape[2]
            values = decode_with_tables(part, voxels, shape[3]).reshape(shape)
        elif coder is Coder.FLOAT32:
            values = _finite(inflate_array({f"grid {index}": part}, f"grid {index}", np.float32, shape))
        else:
            values = decode_grid(part, _reference(reference, index, shape))
        grids.append(torch.from_numpy(values))
    return mask, Symbols(grids[:-1], grids[-1])


def _reference(reference: Symbols | None, index: int, shape: tuple[int, ...]) -> Int[np.ndarray, "x y z channels"]:
    if reference is None:
        return np.zeros(shape, np.int32)
    return np.ascontiguousarray(reference.grids()[index].numpy())


def _finite(values: Float[np.ndarray, "x y z channels"]) -> Float[np.ndarray, "x y z channels"]:
    if not np.isfinite(values).all():
        raise BitstreamError("a frame's grids: NaN or infinity in them, expected finite values")
    return values


def _parts(data: bytes, count: int) -> list[bytes]:
    parts, position = [], 0
    for _ in range(count):
        if len(data) < position + _LENGTH.size:
            raise BitstreamError("a frame's section ends too early")
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        parts.append(data[position : position + length])
        position += length
    if position != len(data):
        raise BitstreamError(f"a frame's section has {len(data)} bytes, its parts {position}")
    return parts
