"""The maps learn from a voxel field of each frame what is where, before they learn from images: not in the paper.

A position teaches them directly, where a ray has first to find out which of its samples is to blame.
"""

from dataclasses import dataclass

import torch
from torch.nn.functional import normalize

from methods.mlp_maps.model import MapsModel
from nerfzip.data.scene import VolumetricScene
from nerfzip.errors import require_setting
from nerfzip.geometry import Box
from nerfzip.progress import track
from nerfzip.sampling import Occupancy
from nerfzip.training.teacher import Teacher

SMALLEST_TARGET = 0.1
"""Raw density below which there is nothing."""


@dataclass(frozen=True)
class Distillation:
    """How the maps learn from their teachers.

    Attributes:
        iterations, samples: how long, and positions of one frame in each.
        networks, tables: learning rates at the start.
        decay: what they have been multiplied by in the end.
        raw: weight of the squared error of raw densities, which leads where opacities hardly change.
        largest_raw: of these errors.
        seen_weight: share in a pixel's colour of what is worth to be seen.
    """

    iterations: int
    samples: int
    networks: float
    tables: float
    decay: float
    raw: float
    largest_raw: float
    seen_weight: float

    def __post_init__(self) -> None:
        for name in ("iterations", "samples"):
            require_setting(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")


def distil(
    model: MapsModel, video: VolumetricScene, boxes: list[Box], teachers: list[Teacher], settings: Distillation
) -> None:
    """Optimise the model in place, at random positions in the voxels that can be seen, from random cameras."""
    optimiser = torch.optim.Adam(model.groups(settings.tables, settings.networks), fused=True)
    rates = torch.optim.lr_scheduler.ExponentialLR(optimiser, settings.decay ** (1 / settings.iterations))
    eyes = video.frames[0].train.cameras.camera_to_world[:, :3, 3]
    voxels = [teacher.seen.nonzero() for teacher in teachers]
    occupancies = [Occupancy.of(teacher.seen) for teacher in teachers]
    for _ in track(range(settings.iterations), "distil", settings.iterations):
        index = int(torch.randint(len(teachers), ()))
        box, teacher = boxes[index], teachers[index]
        voxel = voxels[index][torch.randint(len(voxels[index]), (settings.samples,))]
        positions = (voxel + torch.rand(voxel.shape)) / torch.tensor(teacher.seen.shape)
        world = torch.tensor(box.minimum) + positions * torch.tensor(box.size)
        directions = normalize(world - eyes[torch.randint(len(eyes), (settings.samples,))], dim=1)
        field = model.field(index, box, occupancies[index])
        raw, features = field.density(positions)
        target = teacher.density(world) * field.shading.unit
        opaque = 1 - torch.exp(-target * field.step / field.shading.unit)
        errors = (1 - torch.exp(-raw.relu() * field.step / field.shading.unit) - opaque).square()
        # Where nothing is, no raw density below zero is wrong.
        raw_errors = (raw - target) * ((raw > 0) | (target > SMALLEST_TARGET))
        errors = errors + settings.raw * raw_errors.square().clamp(max=settings.largest_raw)
        colours = (field.colour(positions, features, directions) - teacher.colour(world, directions)).square()
        loss = errors.mean() + (opaque * colours.sum(dim=1)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
