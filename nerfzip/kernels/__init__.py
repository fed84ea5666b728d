"""Operations on plain tensors.

Each public function chooses its form by the device of its tensors: numba on the CPU (`kernels/cpu`), Triton on CUDA
(`kernels/cuda`), and elsewhere the torch twin (`kernels/twins`), which runs anywhere. The twin is specification, test
oracle and fallback at once.
"""

from nerfzip.kernels.absolute_deviation import add_absolute_deviation
from nerfzip.kernels.backend import use_twins
from nerfzip.kernels.bilinear import interpolate_bilinear
from nerfzip.kernels.composited_features import composite_features
from nerfzip.kernels.gradient import VoxelGradient
from nerfzip.kernels.lazy import lazy_zeros
from nerfzip.kernels.marching import MarchedSamples, march_density
from nerfzip.kernels.masked_adam import masked_adam_step
from nerfzip.kernels.total_variation import add_total_variation
from nerfzip.kernels.traversal import PackedSamples, traverse_occupancy
from nerfzip.kernels.trilinear import interpolate_trilinear, splat_trilinear
from nerfzip.kernels.trilinear_positions import interpolate_at_moving
from nerfzip.kernels.volume_rendering import accumulate_along_rays, render_weights

__all__ = [
    "MarchedSamples",
    "PackedSamples",
    "VoxelGradient",
    "accumulate_along_rays",
    "add_absolute_deviation",
    "add_total_variation",
    "composite_features",
    "interpolate_at_moving",
    "interpolate_bilinear",
    "interpolate_trilinear",
    "lazy_zeros",
    "march_density",
    "masked_adam_step",
    "render_weights",
    "splat_trilinear",
    "traverse_occupancy",
    "use_twins",
]
