"""The parts of the model and what a frame has of its own, as bytes."""

import struct
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from methods.mlp_maps.header import box_of
from methods.mlp_maps.parts import Part
from methods.mlp_maps.quantized import CodedParts
from nerfzip.bitstream.parts import join_parts, split_parts
from nerfzip.entropy.grid_coder import decode_grid, encode_grid
from nerfzip.entropy.mask_coder import decode_mask, encode_mask
from nerfzip.entropy.table_coder import decode_with_tables, encode_with_tables, histogram
from nerfzip.errors import BitstreamError
from nerfzip.geometry import Box
from nerfzip.quantization.steps import LARGEST_CODE, SMALLEST_CODE

_BOX = struct.Struct("<6f")
MANY_ROWS = 1 << 16
"""Rows from which on a hashed level is coded by a table of frequencies: its neighbours say little, and it is long."""


@dataclass(frozen=True)
class FrameSide:
    """What a frame has of its own.

    Attributes:
        latent: in steps, or as it is where nothing is quantized.
    """

    box: Box
    mask: Bool[Tensor, "x y z"]
    latent: Shaped[Tensor, "latent"]


def encode_parts(parts: list[Part], coded: CodedParts) -> bytes:
    """Symbols and steps of these parts."""
    codes = torch.cat([coded.steps[part.name] for part in parts]).view(1, 1, -1, 1).numpy()
    pieces = [encode_grid(codes, np.zeros_like(codes))]
    for part in parts:
        symbols = np.ascontiguousarray(coded.symbols[part.name].numpy())
        if _by_table(part):
            values = symbols.reshape(-1, symbols.shape[-1])
            pieces.append(encode_with_tables(values, histogram(values)))
        else:
            pieces.append(encode_grid(symbols, np.zeros_like(symbols)))
    return join_parts(pieces)


def decode_parts(data: bytes, parts: list[Part]) -> CodedParts:
    """The inverse of `encode_parts`.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    pieces = split_parts(data, 1 + len(parts))
    count = sum(part.slices for part in parts)
    codes = torch.from_numpy(decode_grid(pieces[0], np.zeros((1, 1, count, 1), np.int32))).flatten()
    if bool(((codes < SMALLEST_CODE) | (codes > LARGEST_CODE)).any()):
        raise BitstreamError(f"a step of quantization: expected codes from {SMALLEST_CODE} to {LARGEST_CODE}")
    steps = dict(zip([part.name for part in parts], codes.split([part.slices for part in parts]), strict=True))
    symbols = {}
    for part, piece in zip(parts, pieces[1:], strict=True):
        if _by_table(part):
            count = part.lattice[0] * part.lattice[1] * part.lattice[2]
            values = decode_with_tables(piece, count, part.lattice[3]).reshape(part.lattice)
        else:
            values = decode_grid(piece, np.zeros(part.lattice, np.int32))
        symbols[part.name] = torch.from_numpy(values)
    return CodedParts(symbols, steps)


def encode_floats(parameters: list[Float[Tensor, "..."]]) -> bytes:
    """As published: float32, one after another."""
    return b"".join(values.detach().numpy().astype("<f4").tobytes() for values in parameters)


def decode_floats(data: bytes, shapes: list[torch.Size]) -> list[Float[Tensor, "..."]]:
    """The inverse of `encode_floats`.

    Raises:
        BitstreamError: there are more or fewer numbers, or one is not finite.
    """
    sizes = [shape.numel() for shape in shapes]
    if len(data) != 4 * sum(sizes):
        raise BitstreamError(f"{len(data)} bytes of float32 parameters, expected {4 * sum(sizes)}")
    values = torch.from_numpy(np.frombuffer(data, "<f4").astype(np.float32))
    if not bool(torch.isfinite(values).all()):
        raise BitstreamError("NaN or infinity among the parameters, expected finite numbers")
    return [piece.view(shape) for piece, shape in zip(values.split(sizes), shapes, strict=True)]


def encode_frame(frame: FrameSide, reference: FrameSide | None) -> bytes:
    """Box, mask and latent code; the reference is the key frame, which the decoder has."""
    mask = encode_mask(frame.mask.numpy(), None if reference is None else reference.mask.numpy())
    latent = frame.latent.view(1, 1, -1, 1).numpy()
    return join_parts([_box_bytes(frame.box), mask, encode_grid(latent, _known_latent(reference, latent.shape))])


def decode_frame(data: bytes, occupancy: tuple[int, int, int], latent: int, reference: FrameSide | None) -> FrameSide:
    """The inverse of `encode_frame`.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen, or the box is empty.
    """
    box, mask, symbols = split_parts(data, 3)
    known = None if reference is None else reference.mask.numpy()
    values = decode_grid(symbols, _known_latent(reference, (1, 1, latent, 1)))
    return FrameSide(
        _box_of(box), torch.from_numpy(decode_mask(mask, occupancy, known)), torch.from_numpy(values).flatten()
    )


def encode_frame_as_published(frame: FrameSide) -> bytes:
    """The latent code in float32, and a byte for each voxel of the mask; the box, which the paper does not count."""
    return _box_bytes(frame.box) + encode_floats([frame.latent]) + frame.mask.to(torch.uint8).numpy().tobytes()


def decode_frame_as_published(data: bytes, occupancy: tuple[int, int, int], latent: int) -> FrameSide:
    """The inverse of `encode_frame_as_published`.

    Raises:
        BitstreamError: as `decode_frame`.
    """
    x, y, z = occupancy
    middle = _BOX.size + 4 * latent
    if len(data) != middle + x * y * z:
        raise BitstreamError(f"{len(data)} bytes, expected {middle + x * y * z}")
    mask = np.frombuffer(data, np.uint8, offset=middle).reshape(occupancy)
    if mask.max() > 1:
        raise BitstreamError(f"an occupancy of {mask.max()}, expected 0 or 1")
    (values,) = decode_floats(data[_BOX.size : middle], [torch.Size([latent])])
    return FrameSide(_box_of(data[: _BOX.size]), torch.from_numpy(mask.astype(bool)), values)


def _by_table(part: Part) -> bool:
    x, y, z, _ = part.lattice
    return part.is_table and not x == y == z and x * y * z >= MANY_ROWS


def _known_latent(reference: FrameSide | None, shape: tuple[int, ...]) -> Int[np.ndarray, "_ _ latent _"]:
    if reference is None:
        return np.zeros(shape, np.int32)
    return reference.latent.numpy().reshape(shape)


def _box_bytes(box: Box) -> bytes:
    return _BOX.pack(*box.minimum, *box.maximum)


def _box_of(data: bytes) -> Box:
    if len(data) != _BOX.size:
        raise BitstreamError(f"a box of {len(data)} bytes, expected {_BOX.size}")
    return box_of(list(_BOX.unpack(data)))
