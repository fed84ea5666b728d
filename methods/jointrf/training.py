"""Training one frame, its entropy models and, with the first key frame, the networks (JointRF, equations 6 to 8)."""

from dataclasses import dataclass

import torch
from torch import nn

from methods.jointrf.grids import FrameEntropy, FrameGrids, Quantization
from nerfzip.errors import TrainingError, require_setting
from nerfzip.fields.basis_field import BasisField
from nerfzip.progress import track
from nerfzip.sampling.occupancy import Occupancy, dilated_maximum
from nerfzip.training.ray_sampler import RaySampler

BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class Schedule:
    """Of one frame.

    Attributes:
        iterations, rays: how long, and rays a step.
        grids, networks, entropy: learning rates at the start.
        decay: factor that they have fallen by at the end, exponentially.
        refresh_at: iterations at which rays begin to find their samples by what the field has become. From the last
            on voxels are watched; those in which nothing is seen leave the occupancy at the end.
        rounded: share of the iterations, at the end, that see rounded values in place of noise.
    """

    iterations: int
    rays: int
    grids: float
    networks: float
    entropy: float
    decay: float
    refresh_at: list[int]
    rounded: float

    def __post_init__(self) -> None:
        for name in ("iterations", "rays"):
            require_setting(getattr(self, name) >= 1, f"schedule.{name}", getattr(self, name), "at least 1")
        require_setting(0 < self.decay <= 1, "schedule.decay", self.decay, "more than 0, at most 1")
        require_setting(0 <= self.rounded <= 1, "schedule.rounded", self.rounded, "from 0 to 1")


@dataclass(frozen=True)
class RateWeights:
    """Of the loss, beside the mean squared error of the pixels.

    Attributes:
        rate: λ₁, per bit per training pixel.
        rate_decay: factor that λ₁ has fallen by at the end, exponentially.
        residual: λ₂, per unit of Σ|R| per training pixel.
    """

    rate: float
    rate_decay: float
    residual: float


def train_frame(
    field: BasisField,
    frame: FrameGrids,
    entropy: FrameEntropy | None,
    sampler: RaySampler,
    networks: nn.Module | None,
    schedule: Schedule,
    weights: RateWeights,
    name: str,
) -> None:
    """Optimise `frame` in place.

    Args:
        field: renders the frame; its grids are replaced at each step.
        entropy: None trains without quantization and rate.
        networks: to be trained along; None leaves them as they are.
    """
    groups = [{"params": list(frame.parameters()), "lr": schedule.grids}]
    if networks is not None:
        groups.append({"params": list(networks.parameters()), "lr": schedule.networks})
    if entropy is not None:
        groups.append({"params": list(entropy.parameters()), "lr": schedule.entropy})
    optimiser = torch.optim.Adam(groups, betas=BETAS, fused=True)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimiser, schedule.decay ** (1 / schedule.iterations))
    pixels = len(sampler.pixels)
    seen = torch.zeros_like(field.occupancy.mask)
    rounded_from = round(schedule.iterations * (1 - schedule.rounded))
    for iteration in track(range(schedule.iterations), name, schedule.iterations):
        quantization = Quantization.NONE
        if entropy is not None:
            quantization = Quantization.NOISE if iteration < rounded_from else Quantization.ROUND
        rays, target = sampler.draw(schedule.rays)
        symbols = frame.quantized(quantization)
        field.grids = frame.grids(symbols)
        if iteration in schedule.refresh_at:
            field.refresh_proposal()
            seen.zero_()
        rendered = field.forward(rays, jitter=True, seen=seen)
        loss = (rendered.rgb - target).square().mean()
        if entropy is not None:
            rate = weights.rate * weights.rate_decay ** (iteration / schedule.iterations)
            loss = loss + rate / pixels * torch.stack(entropy.bits(symbols)).sum()
        if frame.reference is not None:
            loss = loss + weights.residual / pixels * sum(residual.abs().sum() for residual in frame.bases)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"{name}: the loss became {float(loss.detach())} at iteration {iteration}")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
    field.occupancy = Occupancy.of(dilated_maximum(seen) > 0)
    field.refresh_proposal()
