"""Refining one object: PEFT and PEFT++ (CodecNeRF, sections 3.6 and 3.7, equation 12; sheet codecnerf.md, §6)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from methods.codecnerf.deltas import Matrices, NetworkDeltas, PlaneDeltas
from nerfzip.entropy.factorized import FactorizedModel
from nerfzip.errors import TrainingError, require_setting
from nerfzip.fields.triplane_field import TriplaneField
from nerfzip.progress import track
from nerfzip.quantization.networks import quantize_while_training, stop_quantizing
from nerfzip.quantization.rounding import Rounding
from nerfzip.training.planes import plane_variation, warm_up_and_cosine
from nerfzip.training.ray_sampler import RaySampler

EPSILON = 1e-15
"""Of Adam (the authors' code)."""


@dataclass(frozen=True)
class Schedule:
    """Of fine-tuning.

    Attributes:
        iterations, rays: how long, and rays a step, uniformly from all pixels.
        matrices, vectors, networks, prior: learning rates, after the warm-up.
        warm_up: iterations over which they rise; then they fall to zero on half a cosine.
        variation: weight of the planes' total variation.
    """

    iterations: int
    rays: int
    matrices: float
    vectors: float
    networks: float
    prior: float
    warm_up: int
    variation: float

    def __post_init__(self) -> None:
        for name, least in (("iterations", 0), ("rays", 1)):
            found = getattr(self, name)
            require_setting(found >= least, f"method.finetuning.{name}", found, f"at least {least}")
        for name in ("matrices", "vectors", "networks", "prior", "warm_up", "variation"):
            require_setting(getattr(self, name) >= 0, f"method.finetuning.{name}", getattr(self, name), "at least 0")


@dataclass(frozen=True)
class Rate:
    """How fine-tuning sees what a file will hold; without it all is stored as float32.

    Attributes:
        weight: λ_rate of equation 12, on bits by pixels of 256².
        prior_scale: about the width of the matrices' distributions at the start, symbols.
        shared: whether one set of distributions serves both scales, as published.
        rounded: share of the iterations, at the end, that see rounded matrices in place of noise.
    """

    weight: float
    prior_scale: float
    shared: bool
    rounded: float

    def __post_init__(self) -> None:
        require_setting(self.weight >= 0, "method.rate.weight", self.weight, "at least 0")
        require_setting(self.prior_scale > 0, "method.rate.prior_scale", self.prior_scale, "more than 0")
        require_setting(0 <= self.rounded <= 1, "method.rate.rounded", self.rounded, "from 0 to 1")


PIXELS = 256 * 256
"""What the authors' code measures rates by."""


class Prior(nn.Module):
    """Distributions of the matrices' symbols, one for each rank and, unless they are shared, each scale."""

    def __init__(self, scales: int, rank: int, rate: Rate) -> None:
        super().__init__()
        models = [FactorizedModel(rank, rate.prior_scale) for _ in range(1 if rate.shared else scales)]
        self.models = nn.ModuleList(models)
        self._of_scales = [models[index % len(models)] for index in range(scales)]

    def of_scale(self, index: int) -> FactorizedModel:
        return self._of_scales[index]

    def bits(self, matrices: Sequence[Float[Tensor, "3 side side ranks"]]) -> Float[Tensor, ""]:
        each = [self.of_scale(index).bits(symbols.flatten(0, 2)) for index, symbols in enumerate(matrices)]
        return torch.stack(each).sum()


def finetune(
    field: TriplaneField,
    planes: PlaneDeltas,
    networks: Sequence[NetworkDeltas],
    prior: Prior | None,
    sampler: RaySampler,
    schedule: Schedule,
    rate: Rate | None,
    network_bits: int | None,
    name: str,
) -> None:
    """Optimise the deltas, and the prior, in place.

    Args:
        field: of the base model's planes and the adapted networks, of which only the deltas have gradients.
        network_bits: with how many the file will hold what is added to the networks; None: as it is.
    """
    base = list(field.scales)
    together = nn.ModuleList(networks)
    if network_bits is not None:
        quantize_while_training(together, network_bits)
    groups = [
        {"params": list(planes.matrices), "lr": schedule.matrices},
        {"params": list(planes.vectors.parameters()), "lr": schedule.vectors},
        {"params": list(together.parameters()), "lr": schedule.networks},
        {"params": [] if prior is None else list(prior.parameters()), "lr": schedule.prior},
    ]
    optimiser = Adam(groups, eps=EPSILON, fused=True)
    rates = LambdaLR(optimiser, lambda iteration: warm_up_and_cosine(iteration, schedule.warm_up, schedule.iterations))
    for iteration in track(range(schedule.iterations), name, schedule.iterations):
        rounding = Rounding.NONE
        if rate is not None:
            rounded = iteration >= schedule.iterations * (1 - rate.rounded)
            rounding = Rounding.ROUND if rounded else Rounding.NOISE
        matrices: Matrices = [rounding.apply(matrix) for matrix in planes.matrices]
        field.scales = planes.added(base, matrices)
        rays, target = sampler.draw(schedule.rays)
        coarse, fine = field.forward(rays, jitter=True)
        loss = (coarse.rgb - target).square().mean() + (fine.rgb - target).square().mean()
        loss = loss + schedule.variation * plane_variation(field.scales)
        if rate is not None and prior is not None:
            loss = loss + rate.weight / PIXELS * prior.bits(matrices)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"{name}: the loss became {float(loss.detach())} at iteration {iteration}")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
    field.scales = base
    if network_bits is not None:
        stop_quantizing(together)
