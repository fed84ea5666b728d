"""Our coder: every component by context, each with what the components before it say.

The order is: mask of voxels not pruned, densities, keep mask, kept features; the codebook and the decoder's weights by
themselves; the indices last. Decoding takes integers only, so it gives the same tensors on every machine.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from methods.vqrf.coding_context.codebook import decode_codebook, encode_codebook
from methods.vqrf.coding_context.density import decode_density, encode_density
from methods.vqrf.coding_context.features import decode_features, encode_features
from methods.vqrf.coding_context.indices import decode_indices, encode_indices
from methods.vqrf.coding_context.keep_mask import decode_keep_mask, encode_keep_mask
from methods.vqrf.tensors import Layout, VoxelTensors
from nerfzip.entropy.array_coder import decode_arrays, encode_arrays
from nerfzip.entropy.lattice import crop, pad
from nerfzip.entropy.mask_coder import decode_mask, encode_mask
from nerfzip.errors import BitstreamError

__all__ = ["decode_context", "encode_context"]

SECTIONS = ("non_pruned_mask", "density", "keep_mask", "kept_features", "codebook", "indices", "decoder")


def encode_context(tensors: VoxelTensors) -> dict[str, bytes]:
    """One section for each component; the two masks have one each."""
    mask = pad(tensors.non_pruned.astype(np.uint8))
    sites = np.flatnonzero(mask)
    density = np.zeros(mask.size, np.int16)
    density[sites] = tensors.density
    keep = pad(tensors.keep.astype(np.uint8)).reshape(-1)
    rows, kept_sites, quantized_sites = _rows(sites, keep)
    sections = {
        "non_pruned_mask": encode_mask(tensors.non_pruned),
        "density": encode_density(mask, sites, tensors.density),
        "keep_mask": encode_keep_mask(mask, sites, density, keep),
        "kept_features": encode_features(rows, kept_sites, density, tensors.kept_features, mask.shape),
        "codebook": encode_codebook(tensors.codebook),
        "indices": encode_indices(
            rows, quantized_sites, tensors.kept_features, tensors.indices, tensors.codebook, mask.shape
        ),
        "decoder": encode_arrays(list(tensors.decoder.values())),
    }
    return sections


def decode_context(sections: dict[str, bytes], layout: Layout) -> VoxelTensors:
    """The inverse of `encode_context`.

    Raises:
        BitstreamError: a section is missing or ends too early, or the masks disagree with the layout. Other damage
            gives other tensors of the right shapes and ranges: the checksums are the file's.
    """
    for name in SECTIONS:
        if name not in sections:
            raise BitstreamError(f"section {name}: missing")
    # The mask first: a forged layout is noticed here, before time is spent on the rest.
    non_pruned = decode_mask(sections["non_pruned_mask"], layout.shape)
    mask = pad(non_pruned.astype(np.uint8))
    sites = np.flatnonzero(mask)
    if len(sites) != layout.non_pruned:
        raise BitstreamError(f"section non_pruned_mask: {len(sites)} voxels, expected {layout.non_pruned}")
    with ThreadPoolExecutor(1) as pool:
        arrays = pool.submit(_decode_arrays, sections, layout)
        coded_density = decode_density(sections["density"], mask, sites)
        density = np.zeros(mask.size, np.int16)
        density[sites] = coded_density
        keep = decode_keep_mask(sections["keep_mask"], mask, sites, density)
        rows, kept_sites, quantized_sites = _rows(sites, keep)
        if len(kept_sites) != layout.kept:
            raise BitstreamError(f"section keep_mask: {len(kept_sites)} voxels, expected {layout.kept}")
        kept_features = decode_features(
            sections["kept_features"], rows, kept_sites, density, layout.channels, mask.shape
        )
        codebook, decoder = arrays.result()
        indices = decode_indices(sections["indices"], rows, quantized_sites, kept_features, codebook, mask.shape)
    return VoxelTensors(
        non_pruned=non_pruned,
        keep=np.ascontiguousarray(crop(keep.reshape(mask.shape))).astype(bool),
        density=coded_density,
        kept_features=kept_features,
        indices=indices,
        codebook=codebook,
        decoder=decoder,
    )


def _decode_arrays(sections: dict[str, bytes], layout: Layout) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    codebook = decode_codebook(sections["codebook"], np.dtype(layout.codebook_dtype), (layout.codes, layout.channels))
    decoder = decode_arrays(sections["decoder"], [(np.dtype(dtype), shape) for dtype, shape in layout.decoder.values()])
    return codebook, dict(zip(layout.decoder, decoder, strict=True))


def _rows(sites: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At each padded voxel 1 + i (the i-th kept voxel), -1 - i (the i-th quantized one) or 0; and their positions."""
    kept = keep[sites].astype(bool)
    kept_sites, quantized_sites = sites[kept], sites[~kept]
    rows = np.zeros(keep.size, np.int32)
    rows[kept_sites] = np.arange(1, len(kept_sites) + 1)
    rows[quantized_sites] = -np.arange(1, len(quantized_sites) + 1)
    return rows, kept_sites, quantized_sites
