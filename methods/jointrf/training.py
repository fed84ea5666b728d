"""Training one frame, its entropy models and, with the first key frame, the networks (JointRF, equations 6 to 8)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import ExponentialLR

from methods.jointrf.grids import FrameEntropy, FrameGrids
from nerfzip.errors import TrainingError, require_setting
from nerfzip.fields.basis_field import BasisField
from nerfzip.progress import track
from nerfzip.quantization.rounding import Rounding
from nerfzip.sampling.occupancy import Occupancy, dilated_maximum
from nerfzip.training.ray_sampler import RaySampler

BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class Schedule:
    """Of one frame.

    Attributes:
        iterations, rays: how long, and rays a step.
        grids, networks, entropy: learning rates at the start, of what is trained.
        decay: factor that they have fallen by at the end, exponentially.
        refresh_at: iterations at which rays begin to find their samples by what the field has become. From the last
            on voxels are watched; those in which nothing is seen leave the occupancy at the end.
        rounded: share of the iterations, at the end, that see rounded values in place of noise.
    """

    iterations: int
    rays: int
    grids: float
    decay: float
    refresh_at: list[int]
    networks: float = 0.0
    entropy: float = 0.0
    rounded: float = 0.0

    def __post_init__(self) -> None:
        for name in ("iterations", "rays"):
            require_setting(getattr(self, name) >= 1, f"schedule.{name}", getattr(self, name), "at least 1")
        require_setting(0 < self.decay <= 1, "schedule.decay", self.decay, "more than 0, at most 1")
        require_setting(0 <= self.rounded <= 1, "schedule.rounded", self.rounded, "from 0 to 1")


@dataclass(frozen=True)
class Rate:
    """What the loss has beside the mean squared error of the pixels where a frame is trained together with its coding.

    Attributes:
        entropy: is trained along.
        weight: λ₁, per bit per training pixel.
        decay: factor that λ₁ has fallen by at the end, exponentially.
    """

    entropy: FrameEntropy
    weight: float
    decay: float


def train_frame(
    field: BasisField,
    frame: FrameGrids,
    sampler: RaySampler,
    schedule: Schedule,
    name: str,
    networks: nn.Module | None = None,
    residual: float = 0.0,
    rate: Rate | None = None,
) -> None:
    """Optimise `frame` in place.

    Args:
        field: renders the frame; its grids are replaced at each step. In the end its occupancy is what was seen.
        networks: to be trained along; None leaves them as they are.
        residual: λ₂, per unit of Σ|R| per training pixel.
        rate: None trains without quantization.
    """
    groups = [{"params": list(frame.parameters()), "lr": schedule.grids}]
    if networks is not None:
        groups.append({"params": list(networks.parameters()), "lr": schedule.networks})
    if rate is not None:
        groups.append({"params": list(rate.entropy.parameters()), "lr": schedule.entropy})
    optimiser, decay = decaying_adam(groups, schedule.decay, schedule.iterations)
    pixels = len(sampler.pixels)
    seen = torch.zeros_like(field.occupancy.mask)
    rounded_from = round(schedule.iterations * (1 - schedule.rounded))
    for iteration in track(range(schedule.iterations), name, schedule.iterations):
        rounding = Rounding.NONE
        if rate is not None:
            rounding = Rounding.NOISE if iteration < rounded_from else Rounding.ROUND
        rays, target = sampler.draw(schedule.rays)
        symbols = frame.quantized(rounding)
        field.grids = frame.grids(symbols)
        if iteration in schedule.refresh_at:
            field.refresh_proposal()
            seen.zero_()
        rendered = field.forward(rays, jitter=True, seen=seen)
        loss = (rendered.rgb - target).square().mean()
        if rate is not None:
            weight = rate.weight * rate.decay ** (iteration / schedule.iterations)
            loss = loss + weight / pixels * torch.stack(rate.entropy.bits(symbols)).sum()
        if frame.reference is not None:
            loss = loss + residual / pixels * sum(basis.abs().sum() for basis in frame.bases)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"{name}: the loss became {float(loss.detach())} at iteration {iteration}")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
    field.occupancy = Occupancy.of(dilated_maximum(seen) > 0)


def decaying_adam(groups: list[dict[str, Any]], decay: float, iterations: int) -> tuple[Adam, ExponentialLR]:
    """An optimiser whose learning rates have fallen by `decay` after so many iterations."""
    optimiser = Adam(groups, betas=BETAS, fused=True)
    return optimiser, ExponentialLR(optimiser, decay ** (1 / iterations))
