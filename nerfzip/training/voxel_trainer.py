"""Optimising a voxel field on training rays."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from nerfzip.errors import TrainingError
from nerfzip.fields import VoxelField
from nerfzip.fields.voxel_field import Gradients
from nerfzip.kernels import add_total_variation
from nerfzip.training.grid_adam import BETAS, GridAdam
from nerfzip.training.losses import LossWeights, total_loss
from nerfzip.training.ray_sampler import RaySampler


@dataclass(frozen=True)
class LearningRates:
    """Of Adam.

    Attributes:
        density, features, decoder: at the start.
        decay: factor that they have fallen by, exponentially, after `decay_steps` iterations.
    """

    density: float
    features: float
    decoder: float
    decay: float
    decay_steps: int

    def scale(self, iteration: int) -> float:
        return self.decay ** (iteration / self.decay_steps)


class VoxelTrainer:
    """Adam on density, features and decoder of a field; the grids' optimisers touch only what the rays touched."""

    def __init__(
        self,
        field: VoxelField,
        sampler: RaySampler,
        learning_rates: LearningRates,
        loss_weights: LossWeights,
        rays: int,
        voxel_rates: Float[Tensor, "x y z"] | None = None,
        trainable: UInt8[Tensor, "x y z"] | None = None,
        on_gradients: Callable[[Gradients], None] | None = None,
    ) -> None:
        """`on_gradients` may add to the grids' gradients in each step, before they are used."""
        self.field = field
        self.sampler = sampler
        self.learning_rates = learning_rates
        self.loss_weights = loss_weights
        self.rays = rays
        self.density_adam = GridAdam(field.density, voxel_rates, trainable)
        self.features_adam = GridAdam(field.features, voxel_rates, trainable)
        self.decoder_adam = _adam(field.decoder)
        self._on_gradients = on_gradients
        self._schedule_start = 0

    def move_to(self, field: VoxelField, restart_at: int | None = None) -> None:
        """Go on with a field that has grown: new state for its grids.

        Args:
            restart_at: an iteration at which the learning rates and the decoder's state start anew as well.
        """
        self.field = field
        self.density_adam = GridAdam(field.density)
        self.features_adam = GridAdam(field.features)
        if restart_at is not None:
            self.decoder_adam = _adam(field.decoder)
            self._schedule_start = restart_at

    def step(self, iteration: int) -> float:
        """One optimisation step at a place of the learning rates' schedule; returns the loss."""
        rays, target = self.sampler.draw(self.rays)
        gradients = Gradients(self.density_adam.gradient, self.features_adam.gradient)
        rendered = self.field(rays, gradients)
        loss = total_loss(rendered, target, self.loss_weights)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(
                f"the loss became {float(loss.detach())} at iteration {iteration}; lower the learning rates"
            )
        if self.decoder_adam is not None:
            self.decoder_adam.zero_grad()
        if loss.requires_grad:
            loss.backward()
        if iteration % self.loss_weights.variation_every == 0:
            self._add_total_variation()
        if self._on_gradients is not None:
            self._on_gradients(gradients)
        scale = self.learning_rates.scale(iteration - self._schedule_start)
        self.density_adam.step(self.learning_rates.density * scale)
        self.features_adam.step(self.learning_rates.features * scale)
        if self.decoder_adam is not None:
            for group in self.decoder_adam.param_groups:
                group["lr"] = self.learning_rates.decoder * scale
            self.decoder_adam.step()
        return float(loss.detach())

    def _add_total_variation(self) -> None:
        # Per ray, as the photometric loss is, so that the batch size does not change the balance.
        for adam, weight in (
            (self.density_adam, self.loss_weights.density_variation),
            (self.features_adam, self.loss_weights.feature_variation),
        ):
            if weight > 0:
                add_total_variation(adam.grid, adam.gradient, weight / self.rays)


def _adam(decoder: nn.Module) -> torch.optim.Adam | None:
    parameters = [parameter for parameter in decoder.parameters() if parameter.requires_grad]
    return torch.optim.Adam(parameters, lr=0.0, betas=BETAS, foreach=True) if parameters else None
