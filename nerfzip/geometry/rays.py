"""A bundle of rays."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Rays:
    """Rays in world space.

    Attributes:
        origins: where they start.
        directions: unit vectors, so that distances along a ray are in world units.
    """

    origins: Float[Tensor, "rays 3"]
    directions: Float[Tensor, "rays 3"]

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, index: slice | Tensor) -> "Rays":
        return Rays(self.origins[index], self.directions[index])

    def to(self, device: torch.device | str) -> "Rays":
        return Rays(self.origins.to(device), self.directions.to(device))
