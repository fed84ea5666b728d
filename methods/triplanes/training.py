"""Optimising planes and networks on the views of one object."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from nerfzip.errors import TrainingError, require_setting
from nerfzip.fields.triplane_field import TriplaneField
from nerfzip.progress import track
from nerfzip.training.planes import plane_variation, warm_up_and_cosine
from nerfzip.training.ray_sampler import RaySampler

EPSILON = 1e-15
"""Of Adam (the authors' code)."""


@dataclass(frozen=True)
class Schedule:
    """Of the training on one object.

    Attributes:
        iterations, rays: how long, and rays a step, uniformly from all pixels.
        planes, networks: learning rates, after the warm-up.
        warm_up: iterations over which they rise; then they fall to zero on half a cosine.
        variation: weight of the planes' total variation.
    """

    iterations: int
    rays: int
    planes: float
    networks: float
    warm_up: int
    variation: float

    def __post_init__(self) -> None:
        for name, least in (("iterations", 0), ("rays", 1)):
            found = getattr(self, name)
            require_setting(found >= least, f"method.schedule.{name}", found, f"at least {least}")
        for name in ("planes", "networks", "warm_up", "variation"):
            require_setting(getattr(self, name) >= 0, f"method.schedule.{name}", getattr(self, name), "at least 0")


def train(field: TriplaneField, sampler: RaySampler, schedule: Schedule, name: str) -> None:
    """Optimise the planes, which must be leaves, and the networks of `field` in place."""
    networks = nn.ModuleList([field.coarse, field.fine])
    groups = [
        {"params": list(field.scales), "lr": schedule.planes},
        {"params": list(networks.parameters()), "lr": schedule.networks},
    ]
    optimiser = Adam(groups, eps=EPSILON, fused=True)
    rates = LambdaLR(optimiser, lambda iteration: warm_up_and_cosine(iteration, schedule.warm_up, schedule.iterations))
    for iteration in track(range(schedule.iterations), name, schedule.iterations):
        rays, target = sampler.draw(schedule.rays)
        loss = sum(
            ((shaded.rgb - target).square().mean() for shaded in field.forward(rays, jitter=True)), torch.zeros(())
        )
        loss = loss + schedule.variation * plane_variation(field.scales)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"{name}: the loss became {float(loss.detach())} at iteration {iteration}")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
