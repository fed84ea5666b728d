"""Random rays through training pixels."""

from typing import Protocol

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nerfzip.errors import TrainingError
from nerfzip.geometry import Cameras, Rays
from nerfzip.kernels.traversal import hits_occupancy
from nerfzip.sampling import Occupancy


class Sampled(Protocol):
    """A field that is sampled in the voxels of an occupancy."""

    @property
    def occupancy(self) -> Occupancy: ...

    @property
    def step(self) -> float:
        """Distance between samples in world units."""
        ...

    def to_voxels(self, rays: Rays) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Origins and directions in voxels, and where the rays enter and leave the box in world units."""
        ...


class RaySampler:
    """Draws training pixels, and their rays, at random with torch's global generator.

    With a field, only rays that meet an occupied voxel of it are drawn (DVGO's "in mask cache" sampler); candidates are
    tested as they are needed, so that a short training does not pay for a long one.
    """

    def __init__(
        self,
        cameras: Cameras,
        images: UInt8[Tensor, "views height width 3"],
        field: Sampled | None = None,
    ) -> None:
        self.cameras = cameras
        self.pixels = images.reshape(-1, 3)
        self.refilter(field)

    def refilter(self, field: Sampled | None) -> None:
        """From now on draw rays that meet this field's occupied voxels."""
        self.field = field
        self._rays = Rays(torch.empty(0, 3), torch.empty(0, 3))
        self._targets = torch.empty(0, 3)

    def draw(self, count: int) -> tuple[Rays, Float[Tensor, "rays 3"]]:
        """`count` rays and their pixels' colours in [0, 1].

        Raises:
            TrainingError: as many pixels as there are were tried, and no ray met an occupied voxel.
        """
        tried = 0
        while len(self._rays) < count:
            if tried >= len(self.pixels) and len(self._rays) == 0:
                raise TrainingError(
                    "no training ray meets an occupied voxel: the grid is empty, or out of the cameras' sight;"
                    " prune less, or check the box and the poses"
                )
            self._draw_candidates(4 * count)
            tried += 4 * count
        rays, targets = self._rays[:count], self._targets[:count]
        self._rays, self._targets = self._rays[count:], self._targets[count:]
        return rays, targets

    def _draw_candidates(self, count: int) -> None:
        pixels = torch.randint(len(self.pixels), (count,))
        per_view = self.cameras.width * self.cameras.height
        view, in_view = pixels // per_view, pixels % per_view
        rays = self.cameras.rays(view, in_view % self.cameras.width, in_view // self.cameras.width)
        if self.field is not None:
            occupancy = self.field.occupancy
            hit = hits_occupancy(*self.field.to_voxels(rays), occupancy.mask, occupancy.blocks, self.field.step)
            rays, pixels = rays[hit], pixels[hit]
        targets = self.pixels[pixels].float() / 255
        self._rays = Rays(
            torch.cat([self._rays.origins, rays.origins]), torch.cat([self._rays.directions, rays.directions])
        )
        self._targets = torch.cat([self._targets, targets])
