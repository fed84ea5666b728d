"""Axis-aligned boxes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.geometry.rays import Rays
from nerfzip.on_device import constant

Corner = tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in world units."""

    minimum: Corner
    maximum: Corner

    def __str__(self) -> str:
        """The corners, to be read; `repr` has all digits."""
        low, high = (", ".join(f"{value:.3f}" for value in corner) for corner in (self.minimum, self.maximum))
        return f"({low}) to ({high})"

    @property
    def size(self) -> Corner:
        x, y, z = (high - low for low, high in zip(self.minimum, self.maximum, strict=True))
        return x, y, z

    def enlarged(self, factor: float) -> "Box":
        """The box of `factor` times the size around the same centre."""
        low = torch.tensor(self.minimum, dtype=torch.float64)
        high = torch.tensor(self.maximum, dtype=torch.float64)
        centre, half = (low + high) / 2, (high - low) / 2 * factor
        return Box.from_tensors(centre - half, centre + half)

    @staticmethod
    def from_tensors(minimum: Float[Tensor, "3"], maximum: Float[Tensor, "3"]) -> "Box":
        low, high = minimum.tolist(), maximum.tolist()
        return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def intersect_box(rays: Rays, box: Box, near: float) -> tuple[Float[Tensor, "rays"], Float[Tensor, "rays"]]:
    """Distances at which rays enter and leave a box, by the slab method.

    Args:
        near: no entry is closer to the origin than this.

    Returns:
        Entry and exit distances. A ray that misses the box has an exit that is not beyond its entry.
    """
    low, high = constant(box.minimum, rays.origins), constant(box.maximum, rays.origins)
    # A direction of exactly zero would give 0/0 on a face; a tiny one gives ±huge, which min and max handle.
    directions = torch.where(rays.directions.abs() < 1e-9, torch.full_like(rays.directions, 1e-9), rays.directions)
    first = (low - rays.origins) / directions
    second = (high - rays.origins) / directions
    t_min = torch.minimum(first, second).amax(dim=-1).clamp(min=near)
    t_max = torch.maximum(first, second).amin(dim=-1)
    return t_min, t_max
