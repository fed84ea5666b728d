"""Training all frames together (sheet mlp_maps.md §2)."""

from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from methods.mlp_maps.encoder import LatentEncoder
from methods.mlp_maps.field import FrameField
from methods.mlp_maps.model import MapsModel
from methods.mlp_maps.pixels import Batch, FramePixels
from methods.mlp_maps.quantized import QuantizedModel
from nerfzip.errors import TrainingError, require_setting
from nerfzip.fields.composite import ShadedRays
from nerfzip.geometry import Box, intersect_box
from nerfzip.progress import track
from nerfzip.quantization.rounding import Rounding
from nerfzip.sampling import Occupancy
from nerfzip.sampling.occupancy import dilated_maximum

EPSILON, CODING_EPSILON = 1e-8, 1e-15
"""Of Adam; the second in training with the rate, since by a single value what bits cost is far below the usual 1e-8,
which would hold it back. Without the rate, colours that are black have gradients that are next to nothing, and with the
smaller number these would drive them on until no training brings them back."""
FEWEST_DRAWS = 8
"""Of a frame, before what its rays have seen says where it is occupied."""
FIRST_RATE = 1 / 3
"""Where the warm-up of the learning rates starts."""


@dataclass(frozen=True)
class Schedule:
    """Of one stage of training.

    Attributes:
        frames: drawn for each iteration.
        rays: of each of them.
        samples: of each ray, from where it enters the box to where it leaves it.
        foreground: share of rays whose pixels show something.
        networks, tables: learning rates, after the warm-up.
        warm_up: iterations over which they rise from a third.
        decay: what they have been multiplied by in the end.
        mask_weight: of the mean squared error of the opacities.
        divergence_weight: of the encoder's Kullback-Leibler divergence.
        largest_gradient: of a parameter; what is beyond is clipped.
        weight_threshold: samples of at most this weight get no colour.
        seen_weight: samples of more weight say that there is something in their voxel.
        refresh_at: iterations from which on only such voxels, seen since the refreshment before, and their neighbours
            are looked at, in frames that have been drawn often enough since then.
    """

    iterations: int
    frames: int
    rays: int
    samples: int
    foreground: float
    networks: float
    tables: float
    warm_up: int
    decay: float
    mask_weight: float
    divergence_weight: float
    largest_gradient: float
    weight_threshold: float
    seen_weight: float = 0.0
    refresh_at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("iterations", "frames", "rays", "samples"):
            require_setting(getattr(self, name) >= 1, f"schedule.{name}", getattr(self, name), "at least 1")
        for name in ("networks", "tables", "warm_up", "mask_weight", "divergence_weight"):
            require_setting(getattr(self, name) >= 0, f"schedule.{name}", getattr(self, name), "at least 0")
        require_setting(0 <= self.foreground <= 1, "schedule.foreground", self.foreground, "from 0 to 1")
        require_setting(0 < self.decay <= 1, "schedule.decay", self.decay, "more than 0, at most 1")


@dataclass(frozen=True)
class Rate:
    """How training sees the model as a file will hold it.

    Attributes:
        weight: λ, per bit per pixel that is trained on.
        rounded: share of the iterations, at the end, that see rounded values in place of noise.
        count_every: iterations after which frequencies are counted again.
    """

    weight: float
    rounded: float
    count_every: int

    def __post_init__(self) -> None:
        require_setting(self.weight >= 0, "method.rate.weight", self.weight, "at least 0")
        require_setting(0 <= self.rounded <= 1, "method.rate.rounded", self.rounded, "from 0 to 1")
        require_setting(self.count_every >= 1, "method.rate.count_every", self.count_every, "at least 1")


@dataclass(frozen=True)
class Frame:
    """What training knows of a frame."""

    pixels: FramePixels
    box: Box
    occupancy: Occupancy


def train(
    model: MapsModel,
    frames: list[Frame],
    schedule: Schedule,
    name: str,
    encoder: LatentEncoder | None = None,
    coding: tuple[QuantizedModel, Rate] | None = None,
) -> list[Occupancy]:
    """Optimise the model in place.

    Args:
        encoder: trained along, and used in place of the latent codes.
        coding: the same model as a file will hold it; None trains without quantization.

    Returns:
        What was looked at last in each frame.
    """
    groups = model.groups(schedule.tables, schedule.networks)
    if encoder is not None:
        groups.append({"params": list(encoder.parameters()), "lr": schedule.networks})
    optimiser = Adam(groups, eps=EPSILON if coding is None else CODING_EPSILON, fused=True)
    rates = LambdaLR(optimiser, lambda iteration: _rate(iteration, schedule))
    parameters = [value for group in optimiser.param_groups for value in group["params"]]
    occupancies = [frame.occupancy for frame in frames]
    seen = [torch.zeros_like(occupancy.mask) for occupancy in occupancies]
    draws = [0] * len(frames)
    pixels = sum(len(frame.pixels.inside) for frame in frames)

    def distortion() -> Tensor:
        loss = torch.zeros(())
        for index in torch.randint(len(frames), (schedule.frames,)).tolist():
            draws[index] += 1
            frame, latent = frames[index], None
            if encoder is not None:
                latent, divergence = encoder.sample(index)
                loss = loss + schedule.divergence_weight / schedule.frames * divergence
            field = model.field(index, frame.box, occupancies[index], latent)
            batch = frame.pixels.draw(schedule.rays, schedule.foreground)
            shaded = shade_training(field, batch, schedule, seen[index])
            loss = loss + _loss(shaded, batch, schedule) / schedule.frames
        return loss

    for iteration in track(range(schedule.iterations), name, schedule.iterations):
        if iteration in schedule.refresh_at:
            for index in range(len(frames)):
                # What few rays have looked at is not judged; nor is a frame of which nothing was seen at all.
                if draws[index] >= FEWEST_DRAWS and bool(seen[index].any()):
                    occupancies[index] = Occupancy.of(dilated_maximum(seen[index]) > 0)
                    seen[index].zero_()
                    draws[index] = 0
        if coding is None:
            loss = distortion()
        else:
            quantized, rate = coding
            if iteration % rate.count_every == 0:
                quantized.count()
            rounded = iteration >= schedule.iterations * (1 - rate.rounded)
            symbols = quantized.symbols(Rounding.ROUND if rounded else Rounding.NOISE)
            with model.lent(quantized.values(symbols)):
                loss = distortion()
            loss = loss + rate.weight / pixels * quantized.bits(symbols)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"{name}: the loss became {float(loss.detach())} at iteration {iteration}")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(parameters, schedule.largest_gradient)
        optimiser.step()
        rates.step()
    return occupancies


def _loss(shaded: ShadedRays, batch: Batch, schedule: Schedule) -> Tensor:
    colours = (shaded.rgb - batch.rgb).square().mean()
    opacities = (1 - shaded.transmittance - batch.opacity).square().mean()
    return colours + schedule.mask_weight * opacities


def shade_training(
    field: FrameField, batch: Batch, schedule: Schedule, seen: UInt8[Tensor, "x y z"] | None = None
) -> ShadedRays:
    """With a sample at random in each of equal parts of a ray in the box, where it lies in an occupied voxel."""
    rays, count = batch.rays, schedule.samples
    t_min, t_max = intersect_box(rays, field.box, field.near)
    part = (t_max - t_min).clamp(min=0) / count
    steps = torch.arange(count) + torch.rand(len(rays), count)
    distances = t_min[:, None] + part[:, None] * steps
    lengths = distances.diff(dim=1)
    lengths = torch.cat([lengths, lengths[:, -1:]], dim=1) if count > 1 else part[:, None]
    positions = field.to_unit(rays.origins[:, None] + distances[..., None] * rays.directions[:, None])
    sampled = field.occupied(positions) & (part > 0)[:, None]
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), sampled.sum(dim=1).cumsum(0)])
    indices = sampled.nonzero()[:, 0]
    return field.shade(
        rays,
        distances[sampled],
        lengths[sampled],
        indices,
        offsets,
        schedule.weight_threshold,
        seen,
        schedule.seen_weight,
    )


def _rate(iteration: int, schedule: Schedule) -> float:
    """The factor on the learning rates."""
    warm = FIRST_RATE + (1 - FIRST_RATE) * iteration / schedule.warm_up if iteration < schedule.warm_up else 1.0
    return warm * schedule.decay ** (iteration / schedule.iterations)
