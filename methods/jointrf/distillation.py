"""A basis field learns from a voxel field what is where: quicker than from images, since no ray needs to be marched."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from methods.jointrf.grids import FrameGrids
from methods.jointrf.training import decaying_adam
from nerfzip.fields.basis_field import DISTANCE_SCALE, BasisField
from nerfzip.geometry import Cameras
from nerfzip.kernels.marching import inverse_softplus
from nerfzip.progress import track
from nerfzip.training.teacher import Teacher

SMALLEST_DENSITY = 1e-6
"""Its inverse through softplus is finite."""


@dataclass(frozen=True)
class Distillation:
    """How a frame learns from its teacher.

    Attributes:
        iterations, samples: how long, and positions a step.
        grids, networks: learning rates at the start.
        decay: factor that they have fallen by at the end, exponentially.
        colour: weight of the squared error of the colours beside that of the opacities.
        raw: of the squared error of raw densities, which leads where opacities hardly change.
        largest_raw: of these errors.
    """

    iterations: int
    samples: int
    grids: float
    networks: float
    decay: float
    colour: float
    raw: float
    largest_raw: float


def distil(
    field: BasisField,
    frame: FrameGrids,
    teacher: Teacher,
    cameras: Cameras,
    settings: Distillation,
    name: str,
    networks: nn.Module | None = None,
) -> None:
    """Optimise `frame` in place, at random positions in the occupied voxels, seen from random cameras.

    Args:
        networks: to be trained along; None leaves them as they are.
    """
    groups = [{"params": list(frame.parameters()), "lr": settings.grids}]
    if networks is not None:
        groups.append({"params": list(networks.parameters()), "lr": settings.networks})
    optimiser, decay = decaying_adam(groups, settings.decay, settings.iterations)
    voxels = (field.occupancy.mask > 0).nonzero()
    last = torch.tensor(field.occupancy.mask.shape) - 1
    box, shift = field.geometry.box, field.shading.density_shift
    low, size = torch.tensor(box.minimum), torch.tensor(box.size)
    for _ in track(range(settings.iterations), name, settings.iterations):
        voxel = voxels[torch.randint(len(voxels), (settings.samples,))]
        positions = torch.minimum((voxel + torch.rand(voxel.shape) - 0.5).clamp(min=0), last)
        world = low + positions / last * size
        eyes = cameras.camera_to_world[torch.randint(len(cameras), (settings.samples,)), :3, 3]
        directions = normalize(world - eyes, dim=1)
        density, colour = raw_density(teacher.density(world), max(box.size)) - shift, teacher.colour(world, directions)
        field.grids = frame.unquantized()
        raw, appearance = field.raw_density(positions)
        target = field.opacity(density)
        errors = (field.opacity(raw) - target).square()
        errors = errors + settings.raw * (raw - density).square().clamp(max=settings.largest_raw)
        shade = field.networks.shade(appearance, directions)
        loss = errors.mean() + settings.colour * (target * (shade - colour).square().sum(dim=1)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
    field.grids = frame.unquantized()


def raw_density(density: Float[Tensor, "samples"], longest_side: float) -> Float[Tensor, "samples"]:
    """What a `BasisField` with a shift of zero has where the optical depth per world unit is `density`."""
    return inverse_softplus((density * longest_side / DISTANCE_SCALE).clamp(min=SMALLEST_DENSITY))
