"""From weighted samples to pixels, and from bundles of rays to many."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.fields.field import RenderedRays
from nerfzip.geometry import Colour, Rays
from nerfzip.kernels import accumulate_along_rays
from nerfzip.on_device import constant

SMALLEST_WEIGHT = 1e-4
"""Means over a ray are taken as if its samples had at least this weight together."""
MORE_ON_CUDA = 8
"""A bundle that keeps a core busy leaves a GPU idle between the launches of kernels."""


@dataclass(frozen=True)
class ShadedRays:
    """A rendered bundle of rays, differentiable in all but the depth; `transmittance` is what the background shows."""

    rgb: Float[Tensor, "rays 3"]
    transmittance: Float[Tensor, "rays"]
    depth: Float[Tensor, "rays"]


def composite(
    weights: Float[Tensor, "samples"],
    colours: Float[Tensor, "samples 3"],
    distances: Float[Tensor, "samples"],
    ray_offsets: Int[Tensor, "offsets"],
    transmittance: Float[Tensor, "rays"],
    background: Colour,
) -> ShadedRays:
    """Colours by weight, in front of a background.

    Args:
        distances: of the samples along their rays, world units.
        ray_offsets: where each ray's samples begin; one more entry than rays.
        transmittance: what is left for the background.
    """
    ones_and_distances = torch.stack([torch.ones_like(weights), distances], dim=1)
    total, depth = accumulate_along_rays(weights.detach(), ones_and_distances.detach(), ray_offsets).unbind(dim=1)
    rgb = accumulate_along_rays(weights, colours, ray_offsets)
    rgb = rgb + transmittance[:, None] * constant(background, rgb)
    return ShadedRays(rgb, transmittance, depth / total.clamp(min=SMALLEST_WEIGHT))


def render_in_bundles(shade: Callable[[Rays], ShadedRays], rays: Rays, rays_at_once: int) -> RenderedRays:
    """Any number of rays, of which the samples of so many are in memory (on CUDA `MORE_ON_CUDA` times as many)."""
    if rays.origins.device.type == "cuda":
        rays_at_once *= MORE_ON_CUDA
    starts = range(0, max(len(rays), 1), rays_at_once)
    parts = [shade(rays[start : start + rays_at_once]) for start in starts]
    return RenderedRays(
        torch.cat([part.rgb for part in parts]).clamp(0, 1),
        1 - torch.cat([part.transmittance for part in parts]),
        torch.cat([part.depth for part in parts]),
    )
