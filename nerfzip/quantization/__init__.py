"""From floats to integers: scalar quantizers, codebooks, and which voxels get which."""

from nerfzip.kernels.nearest_code import nearest_codes
from nerfzip.quantization.importance import VoxelClasses, classify_voxels, cumulative_threshold
from nerfzip.quantization.scalar import Quantizer, fake_quantize, quantizer_by_rows, quantizer_by_spread
from nerfzip.quantization.vector import train_codebook

__all__ = [
    "Quantizer",
    "VoxelClasses",
    "classify_voxels",
    "cumulative_threshold",
    "fake_quantize",
    "nearest_codes",
    "quantizer_by_rows",
    "quantizer_by_spread",
    "train_codebook",
]
