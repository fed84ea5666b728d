"""The first stage of a frame: how its blocks moved since the previous one (sheet baselines.md §4, "Deform")."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from methods.rerf.blocks import BLOCK, block_counts
from methods.rerf.model import empty_like
from nerfzip.data.scene import Scene
from nerfzip.errors import require_setting
from nerfzip.fields import VoxelField
from nerfzip.geometry import Rays
from nerfzip.kernels import (
    accumulate_along_rays,
    interpolate_at_moving,
    interpolate_trilinear,
    render_weights,
    traverse_occupancy,
)
from nerfzip.progress import track
from nerfzip.sampling.occupancy import Occupancy
from nerfzip.training.ray_sampler import RaySampler

BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class MotionSettings:
    """Of finding motion.

    Attributes:
        iterations, rays: how long, and rays a step; without iterations nothing moves.
        learning_rate: of Adam, in voxels; falls to a tenth.
        deviation: weight of the mean absolute offset in world units (1e-2 in ReRF).
        variation: weight of the mean squared difference of neighbouring blocks' offsets, in voxels.
    """

    iterations: int
    rays: int
    learning_rate: float
    deviation: float
    variation: float

    def __post_init__(self) -> None:
        require_setting(self.iterations >= 0, "method.base.motion.iterations", self.iterations, "at least 0")
        require_setting(self.rays >= 1, "method.base.motion.rays", self.rays, "at least 1")
        require_setting(self.learning_rate > 0, "method.base.motion.learning_rate", self.learning_rate, "more than 0")


def find_motion(
    previous: VoxelField, scene: Scene, hull: Bool[Tensor, "x y z"], settings: MotionSettings
) -> Float[Tensor, "bx by bz 3"]:
    """For each block of the new frame, how far from its voxels the previous frame's lie, in voxels.

    While it is trained the motion is interpolated between the blocks' centres, so that each block sees the rays of its
    neighbours.

    Args:
        previous: the field of the previous frame, which stays as it is.
        scene: the new frame.
        hull: where the new frame can have anything.
    """
    field = empty_like(previous)
    field.occupancy = Occupancy.of(hull)
    motion = torch.zeros(*block_counts(previous.geometry.resolution), 3, requires_grad=True)
    per_world_unit = previous.geometry.scale(motion)
    sampler = RaySampler(scene.train.cameras, scene.train.images(scene.background), field)
    optimizer = torch.optim.Adam([motion], lr=settings.learning_rate, betas=BETAS)
    for iteration in track(range(settings.iterations), "motion", settings.iterations):
        rays, target = sampler.draw(settings.rays)
        rgb = _render_moved(previous, field.occupancy, motion, rays)
        loss = (rgb - target).square().mean()
        loss = loss + settings.deviation * (motion / per_world_unit).abs().mean()
        loss = loss + settings.variation * sum(motion.diff(dim=axis).square().mean() for axis in range(3))
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = settings.learning_rate * 0.1 ** (iteration / settings.iterations)
        optimizer.step()
    return motion.detach()


def _render_moved(
    previous: VoxelField, occupancy: Occupancy, motion: Float[Tensor, "bx by bz 3"], rays: Rays
) -> Float[Tensor, "rays 3"]:
    """Rays through the previous frame, each sample looked up where its block was; differentiable in the motion."""
    geometry, thresholds = previous.geometry, previous.thresholds
    origins, directions, t_min, t_max = previous.to_voxels(rays)
    samples = traverse_occupancy(origins, directions, t_min, t_max, occupancy.mask, occupancy.blocks, geometry.step)
    ray, middle = samples.ray_indices, (samples.t_starts + samples.t_ends) / 2
    positions = origins[ray] + middle[:, None] * directions[ray]
    with torch.no_grad():
        moved = positions + interpolate_trilinear(motion, _in_blocks(positions))
        alphas = _alphas(previous, interpolate_trilinear(previous.density, moved))
        weights, _ = render_weights(alphas * (alphas > thresholds.alpha), samples.ray_offsets)
        seen = (weights > thresholds.weight).nonzero()[:, 0]
    ray, positions, offsets = ray[seen], positions[seen], torch.searchsorted(seen, samples.ray_offsets)
    moved = positions + interpolate_trilinear(motion, _in_blocks(positions))
    alphas = _alphas(previous, interpolate_at_moving(previous.density, moved))
    weights, transmittance = render_weights(alphas, offsets)
    colours = previous.decoder(interpolate_at_moving(previous.features, moved), rays.directions[ray])
    return accumulate_along_rays(weights, colours, offsets) + transmittance[:, None] * rays.origins.new_tensor(
        previous.background
    )


def _in_blocks(positions: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples 3"]:
    """Positions in blocks, of which (0, 0, 0) is the centre of the first."""
    return (positions - (BLOCK - 1) / 2) / BLOCK


def _alphas(field: VoxelField, density: Float[Tensor, "samples 1"]) -> Float[Tensor, "samples"]:
    return 1 - torch.exp(-field.geometry.interval * torch.nn.functional.softplus(density[:, 0] + field.shift))
