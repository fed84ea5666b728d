"""A radiance field on a voxel grid: density, features, and a decoder to colour (DVGO; sheet vqrf.md §1)."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nerfzip.fields.composite import SMALLEST_WEIGHT, ShadedRays, render_in_bundles
from nerfzip.fields.field import RenderedRays
from nerfzip.geometry import Box, Colour, Rays, intersect_box
from nerfzip.kernels import (
    MarchedSamples,
    VoxelGradient,
    accumulate_along_rays,
    composite_features,
    interpolate_trilinear,
    lazy_zeros,
    march_density,
    render_weights,
)
from nerfzip.on_device import constant
from nerfzip.sampling import Occupancy

RAYS_AT_ONCE = 2**13
"""Whose samples are shaded together, a few dozen a ray."""


class Shading(StrEnum):
    """Where the decoder turns features into colour."""

    SAMPLE = "sample"
    """At every sample; the colours are composited (DVGO)."""
    RAY = "ray"
    """Once a ray, on composited features (deferred shading)."""


@dataclass(frozen=True)
class VoxelGeometry:
    """Where the voxels lie.

    Attributes:
        box: the centres of its corner voxels are its corners.
        voxel_size: edge of a voxel in world units, about; the resolution is rounded down to whole voxels.
        final_voxel_size: of the finished grid; opacity is per step measured in it, so that growing keeps densities.
        step_ratio: length of a step, in voxels.
    """

    box: Box
    voxel_size: float
    final_voxel_size: float
    step_ratio: float

    @property
    def resolution(self) -> tuple[int, int, int]:
        x, y, z = (max(int(edge / self.voxel_size), 2) for edge in self.box.size)
        return x, y, z

    @property
    def step(self) -> float:
        """Length of a step in world units."""
        return self.step_ratio * self.voxel_size

    @property
    def interval(self) -> float:
        """Length of a step in final voxels."""
        return self.step / self.final_voxel_size

    def scale(self, like: Tensor) -> Float[Tensor, "3"]:
        """Voxels per world unit along each axis."""
        return (constant(self.resolution, like) - 1) / constant(self.box.size, like)


@dataclass(frozen=True)
class Thresholds:
    """What is too faint to be looked at.

    Attributes:
        alpha: samples of at most this opacity do not exist.
        weight: samples of at most this weight get no features and no colour.
        transmittance: a ray ends once it lets less than this through.
    """

    alpha: float
    weight: float
    transmittance: float


@dataclass(frozen=True)
class Gradients:
    """Where training collects the gradients of the two grids."""

    density: VoxelGradient
    features: VoxelGradient


@dataclass(frozen=True)
class RenderedSamples(ShadedRays):
    """A rendered bundle with what the losses look at; packed samples are those above the weight threshold."""

    weights: Float[Tensor, "samples"]
    ray_indices: Tensor
    sample_rgb: Float[Tensor, "samples 3"] | None


class VoxelField(nn.Module):
    """Density and features on a dense channels-last grid, and a decoder.

    Attributes:
        density: raw density [X, Y, Z, 1]; see `march_density` for its activation.
        features: [X, Y, Z, C].
        decoder: (features, viewing directions) -> RGB in [0, 1].
        shift: added to the raw density before its activation.
    """

    def __init__(
        self,
        geometry: VoxelGeometry,
        channels: int,
        decoder: nn.Module,
        shading: Shading,
        shift: float,
        thresholds: Thresholds,
        background: Colour,
        near: float,
    ) -> None:
        super().__init__()
        self.geometry = geometry
        self.decoder = decoder
        self.shading = shading
        self.shift = shift
        self.thresholds = thresholds
        self.background = background
        self.near = near
        self.density = nn.Parameter(lazy_zeros((*geometry.resolution, 1)))
        self.features = nn.Parameter(lazy_zeros((*geometry.resolution, channels)))
        self.occupancy = Occupancy.full(geometry.resolution)

    @property
    def box(self) -> Box:
        return self.geometry.box

    @property
    def step(self) -> float:
        return self.geometry.step

    def occupied_box(self) -> Box:
        """The bounding box of the occupied voxels' centres, or the whole box if there are none."""
        index = self.occupancy.mask.nonzero()
        if len(index) == 0:
            return self.box
        low = torch.tensor(self.box.minimum)
        scale = self.geometry.scale(low)
        return Box.from_tensors(low + index.amin(dim=0) / scale, low + index.amax(dim=0) / scale)

    def to_voxels(self, rays: Rays) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Origins and directions in voxels, and where the rays enter and leave the box in world units."""
        scale = self.geometry.scale(rays.origins)
        origins = (rays.origins - constant(self.box.minimum, rays.origins)) * scale
        t_min, t_max = intersect_box(rays, self.box, self.near)
        return origins, rays.directions * scale, t_min, t_max

    def march(self, rays: Rays, gradient: VoxelGradient | None = None) -> MarchedSamples:
        """The samples of a bundle of at most a few thousand rays."""
        return march_density(
            *self.to_voxels(rays),
            self.occupancy.mask,
            self.occupancy.blocks,
            self.geometry.step,
            self.density,
            self.shift,
            self.geometry.interval,
            self.thresholds.alpha,
            self.thresholds.transmittance,
            gradient,
        )

    def visible_samples(self, rays: Rays) -> tuple[Float[Tensor, "samples 3"], Float[Tensor, "samples"]]:
        """Positions in voxels, and weights, of the samples that contribute to the rays' colours."""
        samples = self.march(rays)
        weights, _ = render_weights(samples.alphas, samples.ray_offsets)
        visible = weights > self.thresholds.weight
        return samples.positions[visible], weights[visible]

    def forward(self, rays: Rays, gradients: Gradients | None = None) -> RenderedSamples:
        """Render a bundle of at most a few thousand rays, keeping what a backward pass needs."""
        samples = self.march(rays, gradients.density if gradients else None)
        weights, transmittance = render_weights(samples.alphas, samples.ray_offsets)
        visible = (weights.detach() > self.thresholds.weight).nonzero()[:, 0]
        weights, ray_indices = weights[visible], samples.ray_indices[visible]
        offsets = torch.searchsorted(visible, samples.ray_offsets)
        features = interpolate_trilinear(
            self.features, samples.positions[visible], gradients.features if gradients else None
        )
        ones_and_distances = torch.stack([torch.ones_like(weights), samples.distances[visible]], dim=1)
        total, depth = accumulate_along_rays(weights, ones_and_distances, offsets).unbind(dim=1)
        total = total.clamp(min=SMALLEST_WEIGHT)
        sample_rgb = None
        if self.shading == Shading.SAMPLE:
            sample_rgb = self.decoder(features, rays.directions[ray_indices])
            rgb = accumulate_along_rays(weights, sample_rgb, offsets)
        else:
            opacity = 1 - transmittance[:, None]
            # The mean feature, so that a half-covered pixel has the colour of what covers it.
            mean = accumulate_along_rays(weights, features, offsets) / total[:, None]
            rgb = opacity * self.decoder(mean, rays.directions)
        rgb = rgb + transmittance[:, None] * constant(self.background, rgb)
        return RenderedSamples(rgb, transmittance, (depth / total).detach(), weights, ray_indices, sample_rgb)

    def store_in_half(self) -> None:
        """Hold the features in bfloat16, half the bytes that rendering reads; for rendering alone, not for training.

        On Lego that costs 0.0002 dB or less (`benchmarks.half_storage`).
        """
        self.features = nn.Parameter(self.features.detach().bfloat16(), requires_grad=False)

    @property
    def has_fixed_shapes(self) -> bool:
        """See `nerfzip.fields.captured.can_be_captured`."""
        return self.shading == Shading.RAY

    @torch.no_grad()
    def render(self, rays: Rays) -> RenderedRays:
        if self.shading == Shading.RAY:
            return self._render_deferred(rays)
        return render_in_bundles(self.forward, rays, RAYS_AT_ONCE)

    def _render_deferred(self, rays: Rays) -> RenderedRays:
        """As `forward`, in one pass over the rays."""
        seen = composite_features(
            *self.to_voxels(rays),
            self.occupancy.mask,
            self.occupancy.blocks,
            self.geometry.step,
            self.density,
            self.features,
            self.shift,
            self.geometry.interval,
            self.thresholds.alpha,
            self.thresholds.transmittance,
            self.thresholds.weight,
        )
        total = seen.weights.clamp(min=SMALLEST_WEIGHT)
        opacity = 1 - seen.transmittance
        mean = seen.features / total[:, None]
        rgb = seen.transmittance[:, None] * constant(self.background, mean)
        if mean.device.type == "cpu":
            # Most rays of most views meet nothing. Elsewhere it costs more to find out which.
            hit = (opacity > 0).nonzero()[:, 0]
            rgb.index_add_(0, hit, opacity[hit, None] * self.decoder(mean[hit], rays.directions[hit]))
        else:
            rgb = rgb + opacity[:, None] * self.decoder(mean, rays.directions)
        return RenderedRays(rgb.clamp(0, 1), opacity, seen.distances / total)

    def alpha_of_voxels(self, interval: float) -> Float[Tensor, "x y z"]:
        """Opacity at each voxel's centre over a length of `interval` final voxels."""
        density = self.density.detach()[..., 0]
        return 1 - torch.exp(-interval * torch.nn.functional.softplus(density + self.shift))
