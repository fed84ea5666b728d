"""Occupancy traversal and density marching in plain torch: every step of every ray is looked at."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nerfzip.kernels.twins import trilinear


def lattice(
    t_min: Float[Tensor, "rays"], step_counts: Int[Tensor, "rays"], step: float
) -> tuple[Float[Tensor, "rays steps"], Bool[Tensor, "rays steps"]]:
    """Mid-points of equal steps from entry to exit, and which of them lie before the exit."""
    index = torch.arange(int(step_counts.max()) if len(step_counts) else 0, device=t_min.device)
    return t_min[:, None] + (index + 0.5) * step, index < step_counts[:, None]


def occupied(mask: Tensor, positions: Float[Tensor, "... 3"]) -> Bool[Tensor, "..."]:
    """Whether the nearest voxel is occupied."""
    last = torch.tensor(mask.shape, device=positions.device) - 1
    index = torch.minimum((positions + 0.5).long().clamp(min=0), last)
    return mask[index[..., 0], index[..., 1], index[..., 2]] > 0


def traverse(
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    t_min: Float[Tensor, "rays"],
    step_counts: Int[Tensor, "rays"],
    mask: Tensor,
    step: float,
) -> tuple[Float[Tensor, "rays steps"], Bool[Tensor, "rays steps"]]:
    """Mid-points, and which of them are samples."""
    t, inside = lattice(t_min, step_counts, step)
    positions = origins[:, None] + t[..., None] * directions[:, None]
    return t, inside & occupied(mask, positions)


def alpha_of_density(densities: Tensor, shift: float, interval: float) -> Tensor:
    """Opacity of a step, DVGO's post-activation: 1 − (1 + exp(d + shift))^(−interval)."""
    return 1 - torch.exp(-interval * torch.nn.functional.softplus(densities + shift))


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
) -> tuple[Int[Tensor, "samples"], Float[Tensor, "samples"], Float[Tensor, "samples 3"]]:
    """Ray indices, distances and positions of the packed samples."""
    t, candidate = traverse(origins, directions, t_min, step_counts, mask, step)
    ray_indices, column = candidate.nonzero(as_tuple=True)
    distances = t[ray_indices, column]
    positions = origins[ray_indices] + distances[:, None] * directions[ray_indices]
    values = trilinear.gather(density, positions)[:, 0]

    dense = values > density_threshold
    log_transmittance = torch.zeros(candidate.shape, device=values.device)
    softplus = torch.nn.functional.softplus(values + shift)
    log_transmittance[ray_indices[dense], column[dense]] = -interval * softplus[dense]
    before = log_transmittance.cumsum(dim=1) - log_transmittance
    alive = before.exp()[ray_indices, column] >= transmittance_threshold
    kept = (dense & alive).nonzero()[:, 0]
    return ray_indices[kept], distances[kept], positions[kept]
