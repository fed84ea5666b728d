"""Traversal that looks at the density on its way: it drops what is transparent and stops at what is opaque."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import traversal as cpu
from nerfzip.kernels.gradient import VoxelGradient
from nerfzip.kernels.traversal import count_steps, longest, ray_offsets_of
from nerfzip.kernels.trilinear import interpolate_trilinear, splat_trilinear
from nerfzip.kernels.twins import traversal as twin


@dataclass(frozen=True)
class MarchedSamples:
    """Packed samples that are dense enough to be seen.

    Attributes:
        alphas: opacity of each sample; differentiable with respect to the density grid.
        positions: in voxels.
        distances: the ray's parameter at the sample.
        ray_indices, ray_offsets: as in `PackedSamples`.
    """

    alphas: Float[Tensor, "samples"]
    positions: Float[Tensor, "samples 3"]
    distances: Float[Tensor, "samples"]
    ray_indices: Int[Tensor, "samples"]
    ray_offsets: Int[Tensor, "offsets"]


def density_of_alpha(alpha: float, shift: float, interval: float) -> float:
    """The raw density at which a step of length `interval` has opacity `alpha` (inverse of DVGO's activation)."""
    if alpha <= 0:
        return -math.inf
    return math.log(math.expm1(-math.log1p(-alpha) / interval)) - shift


def inverse_softplus(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Of positive values, in the form that neither a large nor a tiny one takes out of float32."""
    return values + torch.log(-torch.expm1(-values))


def march_density(
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    t_min: Float[Tensor, "rays"],
    t_max: Float[Tensor, "rays"],
    mask: UInt8[Tensor, "x y z"],
    blocks: UInt8[Tensor, "bx by bz"],
    step: float,
    density: Float[Tensor, "x y z 1"],
    shift: float,
    interval: float,
    alpha_threshold: float,
    transmittance_threshold: float,
    gradient: VoxelGradient | None = None,
) -> MarchedSamples:
    """Sample rays in occupied voxels where a step's opacity exceeds a threshold, up to where they become opaque.

    Opacity is DVGO's post-activation of the interpolated density d: α = 1 − (1 + exp(d + shift))^(−interval)
    (DVGO, Eq. 8 with softplus). Samples at or below the threshold do not exist, neither for colour nor for
    transmittance.

    Args:
        origins, directions, t_min, t_max, mask, blocks, step: as in `traverse_occupancy`.
        density: raw density.
        shift, interval: of the activation; `interval` is the step's length in units of the final voxel.
        alpha_threshold: see above.
        transmittance_threshold: a ray ends behind the sample at which its transmittance falls below this.
        gradient: where the backward pass adds the density's gradient; see `interpolate_trilinear`.
    """
    density_threshold = density_of_alpha(alpha_threshold, shift, interval)
    settings = (step, shift, interval, density_threshold, transmittance_threshold)
    step_counts, form = count_steps(t_min, t_max, step), form_for(origins, in_nerfacc=True)
    if form != "cpu":
        if form == "cuda":
            from nerfzip.kernels.cuda.traversal import Density, Walk

            looked_at = Density(density.detach(), *settings[1:])
            walk = Walk(origins, directions, t_min, step_counts, mask, blocks, step, looked_at)
            ray_indices, steps, offsets = walk.samples()
            distances = t_min[ray_indices] + (steps + 0.5) * step
            positions = origins[ray_indices] + distances[:, None] * directions[ray_indices]
        elif form == "nerfacc":
            from nerfzip.kernels.nerfacc import traversal as nerfacc

            ray_indices, distances, positions, offsets = nerfacc.march(
                origins, directions, t_min, step_counts, mask, step, density.detach(), *settings[1:]
            )
        else:
            ray_indices, distances, positions = twin.march(
                origins, directions, t_min, step_counts, mask, step, density.detach(), *settings[1:]
            )
            offsets = ray_offsets_of(torch.bincount(ray_indices, minlength=len(origins)))
        alphas = twin.alpha_of_density(interpolate_trilinear(density, positions, gradient)[:, 0], shift, interval)
        return MarchedSamples(alphas, positions, distances, ray_indices, offsets)
    return MarchedSamples(
        *_March.apply(density, gradient, origins, directions, t_min, step_counts, mask, blocks, *settings),
    )


class _March(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        density: Tensor,
        gradient: VoxelGradient | None,
        origins: Tensor,
        directions: Tensor,
        t_min: Tensor,
        step_counts: Tensor,
        mask: Tensor,
        blocks: Tensor,
        step: float,
        shift: float,
        interval: float,
        density_threshold: float,
        transmittance_threshold: float,
    ) -> tuple[Tensor, ...]:
        rays = origins.numpy(), directions.numpy()
        most = longest(step_counts)
        steps = np.empty((len(origins), most), np.int32)
        scratch = np.empty((len(origins), most), np.float32)
        counts = torch.zeros(len(origins), dtype=torch.int64)
        activation = np.float32(shift), np.float32(interval)
        cpu.march(
            *rays,
            t_min.numpy(),
            step_counts.numpy(),
            mask.numpy(),
            blocks.numpy(),
            np.float32(step),
            density.detach().numpy()[..., 0],
            *activation,
            np.float32(density_threshold),
            np.float32(transmittance_threshold),
            steps,
            scratch,
            counts.numpy(),
        )
        offsets = ray_offsets_of(counts)
        samples = int(offsets[-1])
        ray_indices = torch.empty(samples, dtype=torch.int64)
        distances, positions = torch.empty(samples), torch.empty(samples, 3)
        densities, alphas = torch.empty(samples), torch.empty(samples)
        cpu.compact(
            *rays,
            t_min.numpy(),
            np.float32(step),
            steps,
            scratch,
            offsets.numpy(),
            ray_indices.numpy(),
            distances.numpy(),
            positions.numpy(),
            densities.numpy(),
        )
        cpu.alpha_of_density(densities.numpy(), *activation, alphas.numpy())
        ctx.save_for_backward(densities, positions)
        ctx.activation, ctx.gradient, ctx.shape = activation, gradient, density.shape
        ctx.mark_non_differentiable(positions, distances, ray_indices, offsets)
        return alphas, positions, distances, ray_indices, offsets

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        densities, positions = ctx.saved_tensors
        grad_densities = torch.empty(len(densities), 1)
        cpu.alpha_backward(
            densities.numpy(), *ctx.activation, grad_outputs[0].contiguous().numpy(), grad_densities.numpy()
        )
        target = ctx.gradient or VoxelGradient.like(torch.empty(ctx.shape))
        splat_trilinear(target.values, target.touched, positions, grad_densities)
        return (None if ctx.gradient else target.values, *[None] * 12)
