"""A radiance field that is a product of coefficients and periodic bases (Factor Fields; JointRF, equation 2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.fields.basis_geometry import BasisGeometry
from nerfzip.fields.basis_networks import BasisNetworks
from nerfzip.fields.field import RenderedRays
from nerfzip.geometry import Box, Colour, Rays, intersect_box
from nerfzip.kernels import accumulate_along_rays, render_weights
from nerfzip.kernels.periodic import periodic_product
from nerfzip.kernels.traversal import traverse_occupancy
from nerfzip.sampling import Occupancy

DISTANCE_SCALE = 50.0
"""Optical depth of the longest side of the box at a density of 1: Factor Fields' 25 in a box of [-1, 1]³."""
RAYS_AT_ONCE = 2048
"""When whole images are rendered; bounds the memory that the samples of dense rays take."""
SMALLEST_WEIGHT = 1e-4


@dataclass(frozen=True)
class BasisGrids:
    """What a frame has of its own, after decoding or in training."""

    coefficients: Float[Tensor, "x y z channels"]
    bases: Sequence[Float[Tensor, "_ _ _ _"]]


@dataclass(frozen=True)
class Shading:
    """How densities and colours come from the networks.

    Attributes:
        density_shift: added to the raw density before softplus.
        weight_threshold: samples of at most this weight get no colour.
    """

    density_shift: float
    weight_threshold: float


class BasisField:
    """One frame: grids, networks, and the voxels that are worth sampling."""

    def __init__(
        self,
        geometry: BasisGeometry,
        grids: BasisGrids,
        networks: BasisNetworks,
        occupancy: Occupancy,
        shading: Shading,
        background: Colour,
        near: float,
    ) -> None:
        self.geometry = geometry
        self.grids = grids
        self.networks = networks
        self.occupancy = occupancy
        self.shading = shading
        self.background = background
        self.near = near

    @property
    def box(self) -> Box:
        """Of the occupied voxels, or the whole box if there are none."""
        index = self.occupancy.mask.nonzero()
        box = self.geometry.box
        if len(index) == 0:
            return box
        low = torch.tensor(box.minimum)
        spacing = torch.tensor(box.size) / (torch.tensor(self.occupancy.mask.shape) - 1)
        return Box.from_tensors(low + index.amin(dim=0) * spacing, low + index.amax(dim=0) * spacing)

    @property
    def step(self) -> float:
        return self.geometry.step

    def to_voxels(self, rays: Rays) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Origins and directions in voxels of the occupancy, and where rays enter and leave the box in world units."""
        minimum, size = (
            rays.origins.new_tensor(self.geometry.box.minimum),
            rays.origins.new_tensor(self.geometry.box.size),
        )
        scale = (rays.origins.new_tensor(self.occupancy.mask.shape) - 1) / size
        t_min, t_max = intersect_box(rays, self.geometry.box, self.near)
        return (rays.origins - minimum) * scale, rays.directions * scale, t_min, t_max

    def densities(self, positions: Float[Tensor, "samples 3"]) -> tuple[Tensor, Tensor]:
        """Optical depth over a whole longest side of the box, and appearance, at positions in [0, 1]³ of the box."""
        features = periodic_product(self.grids.coefficients, self.grids.bases, positions, self.geometry.tiles)
        raw, appearance = self.networks.project(features)
        return DISTANCE_SCALE * torch.nn.functional.softplus(raw + self.shading.density_shift), appearance

    def forward(self, rays: Rays, jitter: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Colours, the light that passes, and expected distances of at most a few thousand rays.

        Args:
            jitter: move each ray's samples by a random part of a step.
        """
        step = self.geometry.step
        origins, directions, t_min, t_max = self.to_voxels(rays)
        if jitter:
            t_min = t_min + step * torch.rand_like(t_min)
        samples = traverse_occupancy(
            origins, directions, t_min, t_max, self.occupancy.mask, self.occupancy.blocks, step
        )
        distances = (samples.t_starts + samples.t_ends) / 2
        ray_indices, offsets = samples.ray_indices, samples.ray_offsets
        voxels = origins[ray_indices] + distances[:, None] * directions[ray_indices]
        positions = voxels / (voxels.new_tensor(self.occupancy.mask.shape) - 1)
        depths, appearance = self.densities(positions)
        alphas = 1 - torch.exp(-depths * (step / self.geometry.longest_side))
        weights, transmittance = render_weights(alphas, offsets)
        visible = (weights.detach() > self.shading.weight_threshold).nonzero()[:, 0]
        weights, ray_indices = weights[visible], ray_indices[visible]
        offsets = torch.searchsorted(visible, offsets)
        colours = self.networks.shade(appearance[visible], rays.directions[ray_indices])
        rgb = accumulate_along_rays(weights, colours, offsets)
        sums = accumulate_along_rays(
            weights.detach(), torch.stack([torch.ones_like(weights), distances[visible]], dim=1).detach(), offsets
        )
        rgb = rgb + transmittance[:, None] * rgb.new_tensor(self.background)
        return rgb, transmittance, sums[:, 1] / sums[:, 0].clamp(min=SMALLEST_WEIGHT)

    @torch.no_grad()
    def render(self, rays: Rays) -> RenderedRays:
        parts = [self.forward(rays[start : start + RAYS_AT_ONCE]) for start in range(0, len(rays), RAYS_AT_ONCE)]
        rgb, transmittance, depth = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        return RenderedRays(rgb.clamp(0, 1), 1 - transmittance, depth)
