"""What is seen of a feature grid along rays, in plain torch, one operation after another."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.kernels.traversal import ray_offsets_of
from nerfzip.kernels.twins import traversal, trilinear, volume_rendering


def composite(
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    t_min: Float[Tensor, "rays"],
    step_counts: Int[Tensor, "rays"],
    mask: Tensor,
    density: Float[Tensor, "x y z 1"],
    features: Float[Tensor, "x y z channels"],
    step: float,
    shift: float,
    interval: float,
    density_threshold: float,
    transmittance_threshold: float,
    weight_threshold: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sums of features, weights and distances, and transmittance."""
    thresholds = density_threshold, transmittance_threshold
    ray_indices, distances, positions = traversal.march(
        origins, directions, t_min, step_counts, mask, step, density, shift, interval, *thresholds
    )
    offsets = ray_offsets_of(torch.bincount(ray_indices, minlength=len(origins)))
    alphas = traversal.alpha_of_density(trilinear.gather(density, positions)[:, 0], shift, interval)
    weights, transmittance = volume_rendering.render_weights(alphas, offsets)
    weights = weights * (weights > weight_threshold)
    sums = volume_rendering.accumulate(weights, trilinear.gather(features, positions), offsets)
    ones_and_distances = torch.stack([torch.ones_like(distances), distances], dim=1)
    total, depth = volume_rendering.accumulate(weights, ones_and_distances, offsets).unbind(dim=1)
    return sums, total, depth, transmittance
