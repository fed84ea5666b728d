"""What is seen of a feature grid along rays, in one pass: no sample is kept, so that nothing has a size of its own."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import composited_features as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.marching import density_of_alpha
from nerfzip.kernels.traversal import count_steps
from nerfzip.kernels.twins import composited_features as twin


@dataclass(frozen=True)
class CompositedFeatures:
    """Sums over each ray's samples, of those of enough weight.

    Attributes:
        features: Σ w_i f_i.
        weights: Σ w_i.
        distances: Σ w_i t_i, the ray's parameter.
        transmittance: behind the ray's last sample, of whatever weight.
    """

    features: Float[Tensor, "rays channels"]
    weights: Float[Tensor, "rays"]
    distances: Float[Tensor, "rays"]
    transmittance: Float[Tensor, "rays"]


@torch.no_grad()
def composite_features(
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    t_min: Float[Tensor, "rays"],
    t_max: Float[Tensor, "rays"],
    mask: UInt8[Tensor, "x y z"],
    blocks: UInt8[Tensor, "bx by bz"],
    step: float,
    density: Float[Tensor, "x y z 1"],
    features: Float[Tensor, "x y z channels"],
    shift: float,
    interval: float,
    alpha_threshold: float,
    transmittance_threshold: float,
    weight_threshold: float,
) -> CompositedFeatures:
    """`march_density`, `render_weights`, `interpolate_trilinear` and `accumulate_along_rays` at once, for rendering.

    It has no gradient. On CUDA it is one kernel, and what it returns is as large whatever the rays meet, so that it can
    be captured in a CUDA graph.

    Args:
        origins, directions, t_min, t_max, mask, blocks, step, density, shift, interval, alpha_threshold,
            transmittance_threshold: as in `march_density`.
        features: as in `interpolate_trilinear`; on CUDA also in half precision, the sums are of float32.
        weight_threshold: samples of at most this weight are not in the sums.
    """
    step_counts, form = count_steps(t_min, t_max, step), form_for(origins)
    settings = step, shift, interval, density_of_alpha(alpha_threshold, shift, interval), transmittance_threshold
    rays, grids = (origins, directions, t_min, step_counts), (mask, blocks, density, features)
    if form == "twin":
        return CompositedFeatures(*twin.composite(*rays, mask, density, features, *settings, weight_threshold))
    channels = features.shape[3]
    sums = [origins.new_empty(len(origins), *shape) for shape in ((channels,), (), (), ())]
    if form == "cuda":
        from nerfzip.kernels.cuda.composited_features import composite

        composite(*rays, *grids, *settings, weight_threshold, *sums)
    else:
        arrays = [tensor.detach().contiguous().numpy() for tensor in (*rays, *grids)]
        numbers = [np.float32(number) for number in (*settings, weight_threshold)]
        cpu.composite(*arrays, channel_tuple(channels), *numbers, *[each.numpy() for each in sums])
    return CompositedFeatures(*sums)
