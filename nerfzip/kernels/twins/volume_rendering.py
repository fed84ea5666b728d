"""Packed volume rendering in plain torch."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def render_weights(
    alphas: Float[Tensor, "samples"], ray_offsets: Int[Tensor, "offsets"]
) -> tuple[Float[Tensor, "samples"], Float[Tensor, "rays"]]:
    counts = ray_offsets.diff()
    rays = len(counts)
    ray_indices = torch.repeat_interleave(torch.arange(rays, device=alphas.device), counts)
    column = torch.arange(len(alphas), device=alphas.device) - ray_offsets[ray_indices]
    width = int(counts.max()) if rays else 0
    passed = alphas.new_ones(rays, width + 1).index_put((ray_indices, column + 1), 1 - alphas)
    transmittance = passed.cumprod(dim=1)
    return alphas * transmittance[ray_indices, column], transmittance[:, -1]


def accumulate(
    weights: Float[Tensor, "samples"], values: Float[Tensor, "samples channels"], ray_offsets: Int[Tensor, "offsets"]
) -> Float[Tensor, "rays channels"]:
    counts = ray_offsets.diff()
    ray_indices = torch.repeat_interleave(torch.arange(len(counts), device=weights.device), counts)
    return values.new_zeros(len(counts), values.shape[1]).index_add(0, ray_indices, weights[:, None] * values)
