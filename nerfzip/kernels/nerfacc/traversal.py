"""Traversal by nerfacc, which goes from cell to cell of the grid and adds up its steps.

Where the middle of a step lies on the border of two voxels, rounding decides otherwise than in ours.
"""

import nerfacc
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.kernels.traversal import ray_offsets_of
from nerfzip.kernels.trilinear import interpolate_trilinear
from nerfzip.kernels.twins.traversal import alpha_of_density
from nerfzip.on_device import constant


def traverse(
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    t_min: Float[Tensor, "rays"],
    step_counts: Int[Tensor, "rays"],
    mask: Tensor,
    step: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Starts, ends and rays of the packed samples, and the rays' offsets."""
    if len(origins) == 0:
        nothing = t_min.new_zeros(0)
        return nothing, nothing, step_counts.new_zeros(0), step_counts.new_zeros(1)
    # Its voxels fill a box; our coordinates are of their centres.
    box = constant((-0.5, -0.5, -0.5, *(edge - 0.5 for edge in mask.shape)), origins)[None]
    ends = t_min + step_counts * step
    intervals, samples, _ = nerfacc.traverse_grids(
        origins, directions, mask[None].view(torch.bool), box, near_planes=t_min, far_planes=ends, step_size=step
    )
    offsets = ray_offsets_of(samples.packed_info[:, 1])
    return intervals.vals[intervals.is_left], intervals.vals[intervals.is_right], samples.ray_indices, offsets


def march(
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    t_min: Float[Tensor, "rays"],
    step_counts: Int[Tensor, "rays"],
    mask: Tensor,
    step: float,
    density: Float[Tensor, "x y z 1"],
    shift: float,
    interval: float,
    density_threshold: float,
    transmittance_threshold: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rays, distances and positions of the packed samples, and the rays' offsets; see `march_density`.

    The density is looked up at all samples of the occupied voxels, as nerfacc's estimators do, then those that are
    transparent are dropped, and of the others those behind what is opaque.
    """
    starts, ends, ray_indices, _ = traverse(origins, directions, t_min, step_counts, mask, step)
    distances = (starts + ends) / 2
    positions = origins[ray_indices] + distances[:, None] * directions[ray_indices]
    densities = interpolate_trilinear(density, positions)[:, 0]
    dense = (densities > density_threshold).nonzero()[:, 0]
    counts = torch.bincount(ray_indices[dense], minlength=len(origins))
    in_front = nerfacc.render_transmittance_from_alpha(
        alpha_of_density(densities[dense], shift, interval),
        packed_info=torch.stack([ray_offsets_of(counts)[:-1], counts], dim=1),
    )
    kept = dense[in_front >= transmittance_threshold]
    offsets = ray_offsets_of(torch.bincount(ray_indices[kept], minlength=len(origins)))
    return ray_indices[kept], distances[kept], positions[kept], offsets
