"""A radiance field that is a product of coefficients and periodic bases (Factor Fields; JointRF, equation 2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nerfzip.fields.basis_geometry import BasisGeometry
from nerfzip.fields.basis_networks import BasisNetworks
from nerfzip.fields.composite import ShadedRays, composite, render_in_bundles
from nerfzip.fields.field import RenderedRays
from nerfzip.geometry import Box, Colour, Rays, intersect_box
from nerfzip.kernels import march_density, render_weights
from nerfzip.kernels.periodic import periodic_product
from nerfzip.on_device import constant
from nerfzip.sampling import Occupancy

DISTANCE_SCALE = 50.0
"""Optical depth of the longest side of the box at a density of 1: Factor Fields' 25 in a box of [-1, 1]³."""
RAYS_AT_ONCE = 2048
"""When whole images are rendered; bounds the memory that the samples of dense rays take."""
EMPTY = -1e4
"""Raw density outside of the occupancy."""
VOXELS_AT_ONCE = 2**16


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
        proposal_alpha, proposal_transmittance: where the proposal is at most so opaque over a step, and where it lets
            less than this through, there are no samples.
    """

    density_shift: float
    weight_threshold: float
    proposal_alpha: float
    proposal_transmittance: float


class BasisField:
    """One frame: grids, networks, and the voxels that are worth sampling.

    Density needs the network, so rays find their samples by a proposal: raw densities on the voxels of the occupancy.

    Args:
        proposal: None computes it from the grids.
    """

    def __init__(
        self,
        geometry: BasisGeometry,
        grids: BasisGrids,
        networks: BasisNetworks,
        occupancy: Occupancy,
        shading: Shading,
        background: Colour,
        near: float,
        proposal: Float[Tensor, "x y z 1"] | None = None,
    ) -> None:
        self.geometry = geometry
        self.grids = grids
        self.networks = networks
        self.occupancy = occupancy
        self.shading = shading
        self.background = background
        self.near = near
        if proposal is None:
            self.refresh_proposal()
        else:
            self.proposal = proposal

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

    @property
    def interval(self) -> float:
        """Length of a step as opacity is measured."""
        return DISTANCE_SCALE * self.geometry.step / self.geometry.longest_side

    def opacity(self, raw: Float[Tensor, "samples"]) -> Float[Tensor, "samples"]:
        """Over a step, of raw densities."""
        return 1 - torch.exp(-self.interval * torch.nn.functional.softplus(raw + self.shading.density_shift))

    def to_voxels(self, rays: Rays) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Origins and directions in voxels of the occupancy, and where rays enter and leave the box in world units."""
        box = self.geometry.box
        minimum, size = constant(box.minimum, rays.origins), constant(box.size, rays.origins)
        scale = (constant(self.occupancy.mask.shape, rays.origins) - 1) / size
        t_min, t_max = intersect_box(rays, self.geometry.box, self.near)
        return (rays.origins - minimum) * scale, rays.directions * scale, t_min, t_max

    def raw_density(self, positions: Float[Tensor, "samples 3"]) -> tuple[Tensor, Tensor]:
        """Density before its activation, and appearance, at positions in voxels of the occupancy."""
        last = constant(self.occupancy.mask.shape, positions) - 1
        tiles = self.geometry.tiles.to(positions.device)
        features = periodic_product(self.grids.coefficients, self.grids.bases, positions / last, tiles)
        return self.networks.project(features)

    @torch.no_grad()
    def refresh_proposal(self) -> None:
        """Evaluate the density at the centres of the occupied voxels; by these rays find their samples."""
        voxels = self.occupancy.mask.nonzero()
        proposal = torch.full((*self.occupancy.mask.shape, 1), EMPTY, device=voxels.device)
        for part in voxels.split(VOXELS_AT_ONCE):
            x, y, z = part.unbind(dim=1)
            proposal[x, y, z, 0] = self.raw_density(part.float())[0]
        self.proposal = proposal

    def forward(self, rays: Rays, jitter: bool = False, seen: UInt8[Tensor, "x y z"] | None = None) -> ShadedRays:
        """Render at most a few thousand rays.

        Args:
            jitter: move each ray's samples by a random part of a step.
            seen: here a voxel of the occupancy is set to 1 if a sample in it gets a colour.
        """
        step, shading = self.geometry.step, self.shading
        origins, directions, t_min, t_max = self.to_voxels(rays)
        if jitter:
            t_min = t_min + step * torch.rand_like(t_min)
        mask, blocks = self.occupancy.mask, self.occupancy.blocks
        samples = march_density(
            *(
                origins,
                directions,
                t_min,
                t_max,
                mask,
                blocks,
                step,
                self.proposal,
                shading.density_shift,
                self.interval,
            ),
            *(shading.proposal_alpha, shading.proposal_transmittance),
        )
        raw, appearance = self.raw_density(samples.positions)
        weights, transmittance = render_weights(self.opacity(raw), samples.ray_offsets)
        visible = (weights.detach() > shading.weight_threshold).nonzero()[:, 0]
        if seen is not None:
            x, y, z = samples.positions[visible].round().long().unbind(dim=1)
            seen[x, y, z] = 1
        weights, ray_indices = weights[visible], samples.ray_indices[visible]
        offsets = torch.searchsorted(visible, samples.ray_offsets)
        colours = self.networks.shade(appearance[visible], rays.directions[ray_indices])
        return composite(weights, colours, samples.distances[visible], offsets, transmittance, self.background)

    @torch.no_grad()
    def render(self, rays: Rays) -> RenderedRays:
        return render_in_bundles(self.forward, rays, RAYS_AT_ONCE)
