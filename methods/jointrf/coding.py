"""A frame's section: the mask of its occupancy, then grid by grid its symbols."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from methods.jointrf.grids import FrameEntropy, Symbols
from nerfzip.bitstream.parts import join_parts, split_parts
from nerfzip.entropy.deflate import deflate_array, inflate_array
from nerfzip.entropy.grid_coder import decode_grid, encode_grid
from nerfzip.entropy.mask_coder import decode_mask, encode_mask
from nerfzip.entropy.table_coder import decode_with_tables, encode_with_tables
from nerfzip.errors import BitstreamError


class Coder(StrEnum):
    PAPER = "paper"
    """Each grid by the learned distributions of its channels, whose tables are in the file."""
    CONTEXT = "context"
    """By neighbours, and what the frame that it depends on has at the same place."""
    FLOAT32 = "float32"
    """Not quantized, deflated: what compression is measured against."""


@dataclass(frozen=True)
class CodedFrame:
    """What the section of a frame holds."""

    mask: Bool[Tensor, "x y z"]
    symbols: Symbols


def encode_frame(frame: CodedFrame, entropy: FrameEntropy, reference: CodedFrame | None, coder: Coder) -> bytes:
    """The section of a frame; its shapes and the reference, which the decoder has, are not part of it.

    Args:
        entropy: what the tables of the paper's coder are made of.
    """
    known = reference if coder is Coder.CONTEXT else None
    parts = [encode_mask(frame.mask.numpy(), None if known is None else known.mask.numpy())]
    for index, grid in enumerate(frame.symbols.grids()):
        values = grid.numpy()
        if coder is Coder.PAPER:
            parts.append(encode_with_tables(values.reshape(-1, values.shape[-1]), entropy.probabilities(index)))
        elif coder is Coder.FLOAT32:
            parts.append(deflate_array(values))
        else:
            parts.append(encode_grid(values, _known_symbols(known, index, values.shape)))
    return join_parts(parts)


def decode_frame(
    data: bytes,
    occupancy: tuple[int, int, int],
    shapes: Sequence[tuple[int, int, int, int]],
    reference: CodedFrame | None,
    coder: Coder,
) -> CodedFrame:
    """The inverse of `encode_frame`; `shapes` are those of the bases, then of the coefficients.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    known = reference if coder is Coder.CONTEXT else None
    parts = split_parts(data, 1 + len(shapes))
    mask = torch.from_numpy(decode_mask(parts[0], occupancy, None if known is None else known.mask.numpy()))
    grids = []
    for index, (part, shape) in enumerate(zip(parts[1:], shapes, strict=True)):
        if coder is Coder.PAPER:
            voxels = shape[0] * shape[1] * shape[2]
            values = decode_with_tables(part, voxels, shape[3]).reshape(shape)
        elif coder is Coder.FLOAT32:
            values = _finite(inflate_array({f"grid {index}": part}, f"grid {index}", np.float32, shape))
        else:
            values = decode_grid(part, _known_symbols(known, index, shape))
        grids.append(torch.from_numpy(values))
    return CodedFrame(mask, Symbols(grids[:-1], grids[-1]))


def _known_symbols(known: CodedFrame | None, index: int, shape: tuple[int, ...]) -> Int[np.ndarray, "x y z channels"]:
    if known is None:
        return np.zeros(shape, np.int32)
    return np.ascontiguousarray(known.symbols.grids()[index].numpy())


def _finite(values: Float[np.ndarray, "x y z channels"]) -> Float[np.ndarray, "x y z channels"]:
    if not np.isfinite(values).all():
        raise BitstreamError("a frame's grids: NaN or infinity in them, expected finite values")
    return values
