"""One frame, to be looked at: densities and colours at positions, and rays through them (sheet mlp_maps.md §1.4, 4)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from methods.mlp_maps.colour_maps import ColourMap, ColourNetwork, Lookup, ViewEncoding
from methods.mlp_maps.decoder import Planes
from methods.mlp_maps.shared_network import SharedNetwork
from nerfzip.fields.composite import ShadedRays, composite, render_in_bundles
from nerfzip.fields.field import RenderedRays
from nerfzip.geometry import Box, Colour, Rays, intersect_box
from nerfzip.kernels import render_weights
from nerfzip.kernels.bilinear import interpolate_bilinear
from nerfzip.kernels.hash_encoding import hash_encoding
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.kernels.traversal import PackedSamples, traverse_occupancy
from nerfzip.on_device import constant
from nerfzip.sampling import Occupancy

PLANES = ((0, 1), (0, 2), (1, 2))
"""The axes of each plane, and with time of each hash table."""
RAYS_AT_ONCE = 4096
VALUES_AT_ONCE = 1 << 26
"""Of all samples of these rays; where each ray has very many, fewer rays are rendered at once."""
SAMPLES_AT_ONCE = 16
"""Of each ray, from front to back, between looks at what is still to be seen."""
OPAQUE_DEPTH = -math.log(1e-3)
"""Optical depth behind which nothing is seen (the authors' renderer)."""


@dataclass(frozen=True)
class Shading:
    """How a frame is rendered.

    Attributes:
        network, lookup, view: of the colour maps.
        map_axes: of each density plane and colour map.
        steps: along the diagonal of a frame's box.
        weight_threshold: samples of at most this weight get no colour.
        unit: the distance over which a raw density of 1 has an optical depth of 1, world units.
    """

    network: ColourNetwork
    lookup: Lookup
    view: ViewEncoding
    map_axes: tuple[tuple[int, int], ...]
    steps: int
    weight_threshold: float
    unit: float


class FrameField:
    """A frame as its planes, the hash tables that all frames share, and the moment.

    Args:
        moment: in [-1, 1].
        box: of this frame; positions are relative to it.
        occupancy: of voxels that fill the box; the others are not looked at.
        shared: in place of maps, one network for all positions and frames (an ablation).
    """

    def __init__(
        self,
        planes: Planes,
        tables: Sequence[Float[Tensor, "rows features"]],
        levels: HashLevels,
        moment: float,
        box: Box,
        occupancy: Occupancy,
        shading: Shading,
        background: Colour,
        near: float,
        shared: SharedNetwork | None = None,
    ) -> None:
        self.planes = planes
        self.tables = tables
        self.levels = levels
        self.moment = moment
        self.box = box
        self.occupancy = occupancy
        self.shading = shading
        self.background = background
        self.near = near
        self.shared = shared

    @property
    def step(self) -> float:
        """Distance between samples, world units."""
        return math.dist(self.box.minimum, self.box.maximum) / self.shading.steps

    @property
    def channels(self) -> int:
        """Values of a sample that colours are computed from, as `density` returns them."""
        return self.shared.bottleneck.in_features if self.shared is not None else self.shading.network.features

    def features(self, positions: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples features"]:
        """Of positions in [0, 1] of the box: the sum over hash tables and feature planes."""
        moment = positions.new_full((len(positions),), self.moment)
        total: Tensor | int = 0
        for axes, table, plane in zip(PLANES, self.tables, self.planes.features, strict=True):
            coordinates = positions[:, axes]
            in_time = torch.stack([*(2 * coordinates - 1).unbind(dim=1), moment], dim=1)
            total = total + hash_encoding(table, in_time, self.levels)
            total = total + interpolate_bilinear(plane, coordinates * (len(plane) - 1))
        assert isinstance(total, Tensor)
        return total

    def density(
        self, positions: Float[Tensor, "samples 3"]
    ) -> tuple[Float[Tensor, "samples"], Float[Tensor, "samples features"]]:
        """Raw densities, and what colours are computed from."""
        features = self.features(positions)
        if self.shared is not None:
            return self.shared.density(features)
        weights: Tensor | int = 0
        for axes, plane in zip(self.shading.map_axes, self.planes.densities, strict=True):
            weights = weights + interpolate_bilinear(plane, positions[:, axes] * (len(plane) - 1))
        return (weights * features).sum(dim=1), features

    def colour(
        self,
        positions: Float[Tensor, "samples 3"],
        features: Float[Tensor, "samples features"],
        directions: Float[Tensor, "samples 3"],
    ) -> Float[Tensor, "samples 3"]:
        """RGB in [0, 1]."""
        shading = self.shading
        inputs = torch.cat([features, shading.view.values(directions)], dim=1)
        if self.shared is not None:
            return self.shared.colour(inputs).sigmoid()
        maps = zip(shading.map_axes, self._colour_maps, strict=True)
        each = [colour_map.colours(positions[:, axes], inputs) for axes, colour_map in maps]
        return torch.stack(each).sum(dim=0).sigmoid()

    @cached_property
    def _colour_maps(self) -> list[ColourMap]:
        return [ColourMap.of(each, self.shading.network, self.shading.lookup) for each in self.planes.colours]

    def shade(
        self,
        rays: Rays,
        distances: Float[Tensor, "samples"],
        lengths: Float[Tensor, "samples"],
        ray_indices: Int[Tensor, "samples"],
        ray_offsets: Int[Tensor, "offsets"],
        weight_threshold: float,
        seen: UInt8[Tensor, "x y z"] | None = None,
        seen_weight: float = 0.0,
    ) -> ShadedRays:
        """Density where it may be seen, colour at samples of weight.

        Args:
            distances: along the ray, world units.
            lengths: of the ray that each sample stands for, world units.
            ray_indices, ray_offsets: as in `PackedSamples`.
            seen: here a voxel of the occupancy is set to 1 if a sample in it has more weight than `seen_weight`.
        """
        positions = self.to_unit(rays.origins[ray_indices] + distances[:, None] * rays.directions[ray_indices])
        with torch.no_grad():
            raw, features = self._density_in_front(positions, lengths, ray_indices, ray_offsets)
        # The others have no weight, and no gradient either.
        kept = (raw > 0).nonzero()[:, 0]
        positions, distances, lengths, ray_indices = (
            values[kept] for values in (positions, distances, lengths, ray_indices)
        )
        ray_offsets = torch.searchsorted(kept, ray_offsets)
        raw, features = self.density(positions) if torch.is_grad_enabled() else (raw[kept], features[kept])
        opacity = 1 - torch.exp(-raw.relu() * lengths / self.shading.unit)
        weights, transmittance = render_weights(opacity, ray_offsets)
        visible = (weights.detach() > weight_threshold).nonzero()[:, 0]
        if seen is not None:
            x, y, z = self._voxels(positions[weights.detach() > seen_weight]).unbind(dim=1)
            seen[x, y, z] = 1
        offsets = torch.searchsorted(visible, ray_offsets)
        weights, features = weights.index_select(0, visible), features.index_select(0, visible)
        directions = rays.directions[ray_indices[visible]]
        colours = self.colour(positions[visible], features, directions)
        return composite(weights, colours, distances[visible], offsets, transmittance, self.background)

    def _density_in_front(
        self,
        positions: Float[Tensor, "samples 3"],
        lengths: Float[Tensor, "samples"],
        ray_indices: Int[Tensor, "samples"],
        ray_offsets: Int[Tensor, "offsets"],
    ) -> tuple[Float[Tensor, "samples"], Float[Tensor, "samples features"]]:
        """As `density`; 0 at samples that nothing can be seen of, since the ray is blocked in front of them."""
        raw = positions.new_zeros(len(positions))
        features = positions.new_zeros(len(positions), self.channels)
        depth = positions.new_zeros(len(ray_offsets) - 1)
        ranks = torch.arange(len(positions), device=positions.device) - ray_offsets[ray_indices]
        order = torch.argsort(ranks // SAMPLES_AT_ONCE, stable=True)
        for part in order.split(torch.bincount(ranks // SAMPLES_AT_ONCE).tolist()):
            seen = part[depth[ray_indices[part]] < OPAQUE_DEPTH]
            raw[seen], features[seen] = self.density(positions[seen])
            depth.index_add_(0, ray_indices[seen], raw[seen].relu() * lengths[seen] / self.shading.unit)
        return raw, features

    def to_unit(self, positions: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples 3"]:
        """From the world to [0, 1] of the box, where positions outside end on its faces."""
        minimum, size = constant(self.box.minimum, positions), constant(self.box.size, positions)
        return ((positions - minimum) / size).clamp(0, 1)

    def occupied(self, positions: Float[Tensor, "*samples 3"]) -> Bool[Tensor, "*samples"]:
        """Whether positions in [0, 1] of the box lie in occupied voxels."""
        x, y, z = self._voxels(positions).unbind(dim=-1)
        return self.occupancy.mask[x, y, z] > 0

    def _voxels(self, positions: Float[Tensor, "*samples 3"]) -> Int[Tensor, "*samples 3"]:
        resolution = torch.tensor(self.occupancy.mask.shape, device=positions.device)
        return torch.minimum((positions * resolution).long(), resolution - 1)

    def to_voxels(self, rays: Rays) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Origins and directions in voxels of the occupancy, and where rays enter and leave the box in world units."""
        minimum, size = constant(self.box.minimum, rays.origins), constant(self.box.size, rays.origins)
        resolution = constant(self.occupancy.mask.shape, rays.origins)
        origins = (rays.origins - minimum) / size * resolution - 0.5
        return origins, rays.directions / size * resolution, *intersect_box(rays, self.box, self.near)

    def samples(self, rays: Rays) -> PackedSamples:
        """In the middle of steps, in occupied voxels."""
        return traverse_occupancy(*self.to_voxels(rays), self.occupancy.mask, self.occupancy.blocks, self.step)

    @torch.no_grad()
    def render(self, rays: Rays) -> RenderedRays:
        most = VALUES_AT_ONCE // (self.shading.steps * max(self.channels, self.shading.network.hidden))
        return render_in_bundles(self._render, rays, min(RAYS_AT_ONCE, max(1, most)))

    def _render(self, rays: Rays) -> ShadedRays:
        samples = self.samples(rays)
        middles, lengths = (samples.t_starts + samples.t_ends) / 2, samples.t_ends - samples.t_starts
        indices, offsets = samples.ray_indices, samples.ray_offsets
        return self.shade(rays, middles, lengths, indices, offsets, self.shading.weight_threshold)
