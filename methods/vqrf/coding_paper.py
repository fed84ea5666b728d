"""The paper's coder: bit-packed masks and indices, plain arrays, each deflated (spec sheet vqrf.md, section 4).

Indices take ceil(log2 K) bits for any K; the public loader's fixed 12 bits are mended.
"""

import numpy as np

from methods.vqrf.tensors import Layout, VoxelTensors
from nerfzip.entropy.deflate import deflate_array, deflate_arrays, inflate_array, inflate_arrays
from nerfzip.errors import BitstreamError


def encode_paper(tensors: VoxelTensors) -> dict[str, bytes]:
    """One deflated section for each component; the two masks have one each."""
    arrays = {
        "non_pruned_mask": np.packbits(tensors.non_pruned),
        "density": tensors.density,
        "keep_mask": np.packbits(tensors.keep),
        "kept_features": tensors.kept_features,
        "codebook": tensors.codebook,
        "indices": np.packbits(_to_bits(tensors.indices, _index_bits(len(tensors.codebook)))),
    }
    sections = {name: deflate_array(array) for name, array in arrays.items()}
    return sections | {"decoder": deflate_arrays(tensors.decoder.values())}


def decode_paper(sections: dict[str, bytes], layout: Layout) -> VoxelTensors:
    """The inverse of `encode_paper`.

    Raises:
        BitstreamError: a section is missing, damaged or not of the size that the layout says.
    """
    voxels = int(np.prod(layout.shape))
    masks = {}
    for name, count in (("non_pruned_mask", layout.non_pruned), ("keep_mask", layout.kept)):
        bits = np.unpackbits(inflate_array(sections, name, np.uint8, (-(-voxels // 8),)), count=voxels)
        if bits.sum() != count:
            raise BitstreamError(f"section {name}: {bits.sum()} voxels, expected {count}")
        masks[name] = bits.astype(bool).reshape(layout.shape)
    if (masks["keep_mask"] & ~masks["non_pruned_mask"]).any():
        raise BitstreamError("section keep_mask: keeps a voxel that is pruned")
    index_bits = layout.quantized * _index_bits(layout.codes)
    packed = np.unpackbits(inflate_array(sections, "indices", np.uint8, (-(-index_bits // 8),)), count=index_bits)
    indices = _from_bits(packed, _index_bits(layout.codes), layout.quantized)
    if len(indices) and indices.max() >= layout.codes:
        raise BitstreamError(f"section indices: code {indices.max()}, expected less than {layout.codes}")
    return VoxelTensors(
        non_pruned=masks["non_pruned_mask"],
        keep=masks["keep_mask"],
        density=inflate_array(sections, "density", np.int8, (layout.non_pruned,)),
        kept_features=inflate_array(sections, "kept_features", np.int8, (layout.kept, layout.channels)),
        indices=indices,
        codebook=inflate_array(sections, "codebook", layout.codebook_dtype, (layout.codes, layout.channels)),
        decoder=inflate_arrays(sections, "decoder", layout.decoder),
    )


def _index_bits(codes: int) -> int:
    return max(codes - 1, 0).bit_length()


def _to_bits(indices: np.ndarray, bits: int) -> np.ndarray:
    return ((indices[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)


def _from_bits(flat: np.ndarray, bits: int, count: int) -> np.ndarray:
    places = 1 << np.arange(bits - 1, -1, -1, dtype=np.int32)
    return (flat.reshape(count, bits).astype(np.int32) * places).sum(1, dtype=np.int32)
