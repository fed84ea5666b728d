"""What a VQRF file codes: integer tensors of a pruned, partly vector-quantized voxel grid."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int8, Int32, Shaped

from nerfzip.entropy.code_tree import build_tree, integer_codebook
from nerfzip.entropy.lattice import PAD
from nerfzip.errors import BitstreamError

MAX_VOXELS = 1 << 24
"""Of the grid as decoding pads it: about 250³."""
MAX_CHANNELS = 64
MAX_CODES = 1 << 16
MAX_BYTES = 1 << 30
_MAX_DECODER_ARRAYS = 256
_MAX_AXES = 4
_CODEBOOK_DTYPES = ("float16", "int8")
_DECODER_DTYPES = ("float16", "int8", "float32")


@dataclass(frozen=True)
class VoxelTensors:
    """The coded tensors; voxels are listed in lattice order, x slowest, z fastest.

    Attributes:
        non_pruned: voxels that have a density and features.
        keep: the part of them whose features are stored one by one; the others' are vector-quantized.
        density: of the voxels not pruned.
        kept_features: of the kept voxels.
        indices: in [0, codes), of the vector-quantized voxels.
        codebook: float16 or int8.
        decoder: weights of the decoding network by name, in order; float16 or int8, scales float16 or float32.
    """

    non_pruned: Bool[np.ndarray, "X Y Z"]
    keep: Bool[np.ndarray, "X Y Z"]
    density: Int8[np.ndarray, "non_pruned"]
    kept_features: Int8[np.ndarray, "kept channels"]
    indices: Int32[np.ndarray, "quantized"]
    codebook: Shaped[np.ndarray, "codes channels"]
    decoder: dict[str, Shaped[np.ndarray, "..."]]


@dataclass(frozen=True)
class Layout:
    """The sizes and types that a reader must know before the first section."""

    shape: tuple[int, ...]
    channels: int
    codes: int
    non_pruned: int
    kept: int
    codebook_dtype: str
    decoder: dict[str, tuple[str, tuple[int, ...]]]

    @property
    def quantized(self) -> int:
        """The number of vector-quantized voxels."""
        return self.non_pruned - self.kept


def layout(tensors: VoxelTensors) -> dict[str, Any]:
    """What a decoder needs besides the sections, ready for JSON."""
    return {
        "shape": [int(size) for size in tensors.non_pruned.shape],
        "channels": int(tensors.codebook.shape[1]),
        "codes": int(tensors.codebook.shape[0]),
        "non_pruned": len(tensors.density),
        "kept": len(tensors.kept_features),
        "codebook_dtype": tensors.codebook.dtype.name,
        "decoder": [[name, array.dtype.name, list(array.shape)] for name, array in tensors.decoder.items()],
    }


def parse_layout(fields: Any) -> Layout:
    """Check the fields of a header before anything is allocated.

    Raises:
        BitstreamError: a field is missing, of the wrong type or beyond the limits of this module.
    """
    if not isinstance(fields, dict):
        raise BitstreamError(f"layout: expected an object, found {type(fields).__name__}")
    shape = _sizes(fields, "shape", axes=3, limit=MAX_VOXELS)
    voxels = math.prod(shape)
    # Thin grids grow most when they are padded, and it is the padded grid that decoding holds.
    padded = math.prod(size + 2 * PAD for size in shape)
    _require(voxels >= 1 and padded <= MAX_VOXELS, f"layout.shape: {shape}, expected 1 to {MAX_VOXELS} padded voxels")
    channels = _count(fields, "channels", 1, MAX_CHANNELS)
    codes = _count(fields, "codes", 0, MAX_CODES)
    non_pruned = _count(fields, "non_pruned", 0, voxels)
    kept = _count(fields, "kept", 0, non_pruned)
    _require(codes > 0 or kept == non_pruned, "layout.codes: 0, expected codes for the quantized voxels")
    codebook_dtype: Any = fields.get("codebook_dtype")
    _require(
        codebook_dtype in _CODEBOOK_DTYPES, f"layout.codebook_dtype: {codebook_dtype!r}, expected {_CODEBOOK_DTYPES}"
    )
    arrays: Any = fields.get("decoder")
    _require(
        isinstance(arrays, list) and len(arrays) <= _MAX_DECODER_ARRAYS,
        f"layout.decoder: expected a list of at most {_MAX_DECODER_ARRAYS} arrays",
    )
    decoder: dict[str, tuple[str, tuple[int, ...]]] = {}
    for array in arrays:
        _require(
            isinstance(array, list) and len(array) == 3, f"layout.decoder: {array!r}, expected [name, type, shape]"
        )
        name, dtype, sizes = array
        _require(isinstance(name, str) and name not in decoder, f"layout.decoder: name {name!r} is no new name")
        _require(dtype in _DECODER_DTYPES, f"layout.decoder.{name}: type {dtype!r}, expected {_DECODER_DTYPES}")
        decoder[name] = (dtype, _sizes({name: sizes}, name, axes=None, limit=MAX_BYTES))
    parsed = Layout(shape, channels, codes, non_pruned, kept, codebook_dtype, decoder)
    total = _decoded_bytes(parsed)
    _require(total <= MAX_BYTES, f"layout: {total} decoded bytes, expected at most {MAX_BYTES}")
    return parsed


def _decoded_bytes(parsed: Layout) -> int:
    arrays = sum(math.prod(sizes) * np.dtype(dtype).itemsize for dtype, sizes in parsed.decoder.values())
    codebook = parsed.codes * parsed.channels * np.dtype(parsed.codebook_dtype).itemsize
    voxels = 2 * math.prod(parsed.shape) + parsed.non_pruned + parsed.kept * parsed.channels + 4 * parsed.quantized
    return voxels + codebook + arrays


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise BitstreamError(message)


def _count(fields: dict[str, Any], key: str, low: int, high: int) -> int:
    value: Any = fields.get(key)
    _require(type(value) is int and low <= value <= high, f"layout.{key}: {value!r}, expected {low} to {high}")
    return value


def _sizes(fields: dict[str, Any], key: str, axes: int | None, limit: int) -> tuple[int, ...]:
    sizes: Any = fields.get(key)
    valid = (
        isinstance(sizes, list)
        and len(sizes) <= _MAX_AXES
        and axes in (None, len(sizes))
        and all(type(size) is int and 0 <= size <= limit for size in sizes)
    )
    _require(valid, f"layout.{key}: {sizes!r}, expected {axes or f'up to {_MAX_AXES}'} sizes from 0 to {limit}")
    return tuple(sizes)


def drop_unused_codes(tensors: VoxelTensors) -> VoxelTensors:
    """The same field with a codebook that holds only codes in use, in the order of their tree.

    The order of codes is free; where codes in a row look alike the codebook costs less. Without a quantized voxel one
    code remains.
    """
    used, indices = np.unique(tensors.indices, return_inverse=True)
    codebook = tensors.codebook[used] if len(used) else tensors.codebook[:1]
    tree = build_tree(integer_codebook(codebook))
    return VoxelTensors(
        non_pruned=tensors.non_pruned,
        keep=tensors.keep,
        density=tensors.density,
        kept_features=tensors.kept_features,
        indices=tree.leaves[indices.reshape(-1)] if len(used) else tensors.indices,
        codebook=codebook[tree.codes],
        decoder=tensors.decoder,
    )
