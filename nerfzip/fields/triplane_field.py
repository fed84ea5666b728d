"""A radiance field of three orthogonal planes at several resolutions and two networks (CodecNeRF, section 3.4)."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from nerfzip.fields.composite import ShadedRays, composite, render_in_bundles
from nerfzip.fields.encoding import encode_frequencies
from nerfzip.fields.field import RenderedRays
from nerfzip.geometry import Box, Colour, Rays, intersect_box
from nerfzip.kernels import render_weights
from nerfzip.kernels.triplanes import sample_triplanes
from nerfzip.on_device import constant
from nerfzip.sampling.hierarchical import by_weight, stratified

RAYS_AT_ONCE = 2048
"""When whole images are rendered; bounds the memory of their samples."""


@dataclass(frozen=True)
class NetworkSizes:
    """Of each of the two networks.

    Attributes:
        width, hidden_layers: of its hidden layers.
        direction_frequencies: of the sines and cosines of π times the direction.
    """

    width: int
    hidden_layers: int
    direction_frequencies: int


@dataclass(frozen=True)
class Sampling:
    """Of rays, where they are in the box.

    Attributes:
        coarse: samples of a ray at even distances, which the coarse network sees.
        fine: further samples, where the coarse network has weight; the fine network sees all.
        density_scale: optical depth of the box's longest side at a density of 1.
    """

    coarse: int
    fine: int
    density_scale: float


class ShadingNetwork(nn.Module):
    """Features and direction -> RGB in [0, 1], and density.

    Args:
        frequencies: of the sines and cosines of π times the direction.
    """

    def __init__(self, frequencies: int) -> None:
        super().__init__()
        self.frequencies = frequencies

    def encode(self, directions: Float[Tensor, "rays 3"]) -> Float[Tensor, "rays encoded"]:
        return encode_frequencies(math.pi * directions, self.frequencies)[:, 3:]


class TriplaneNetwork(ShadingNetwork):
    """Layers have no biases, as in the authors' code."""

    def __init__(self, features: int, sizes: NetworkSizes) -> None:
        super().__init__(sizes.direction_frequencies)
        widths = [features + 6 * sizes.direction_frequencies, *[sizes.width] * sizes.hidden_layers]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after, bias=False), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 4, bias=False))

    def forward(
        self, features: Float[Tensor, "samples features"], encoded: Float[Tensor, "samples encoded"]
    ) -> tuple[Float[Tensor, "samples 3"], Float[Tensor, "samples"]]:
        out = self.layers(torch.cat([features, encoded], dim=1))
        return out[:, :3].sigmoid(), softplus(out[:, 3])


class TriplaneField:
    """Planes and networks in a box.

    Args:
        scales: the planes xy, yz and xz at each resolution; channels-last.
        coarse, fine: the networks.
    """

    def __init__(
        self,
        scales: Sequence[Float[Tensor, "3 rows columns channels"]],
        coarse: ShadingNetwork,
        fine: ShadingNetwork,
        sampling: Sampling,
        box: Box,
        background: Colour,
        near: float,
    ) -> None:
        self.scales = scales
        self.coarse = coarse
        self.fine = fine
        self.sampling = sampling
        self.box = box
        self.background = background
        self.near = near

    def forward(self, rays: Rays, jitter: bool = False) -> tuple[ShadedRays, ShadedRays]:
        """What the coarse and what the fine network see along at most a few thousand rays."""
        t_min, t_max = intersect_box(rays, self.box, self.near)
        t_max = torch.maximum(t_min, t_max)
        distances = stratified(t_min, t_max, self.sampling.coarse, jitter)
        coarse, weights = self._shade(rays, distances, t_max, self.coarse)
        further = by_weight(distances, weights.detach().view_as(distances), self.sampling.fine, jitter)
        merged = torch.cat([distances, further], dim=1).sort(dim=1).values
        return coarse, self._shade(rays, merged, t_max, self.fine)[0]

    @torch.no_grad()
    def render(self, rays: Rays) -> RenderedRays:
        return render_in_bundles(lambda bundle: self.forward(bundle)[1], rays, RAYS_AT_ONCE)

    def _shade(
        self,
        rays: Rays,
        distances: Float[Tensor, "rays samples"],
        t_max: Float[Tensor, "rays"],
        network: ShadingNetwork,
    ) -> tuple[ShadedRays, Float[Tensor, "all"]]:
        """Pixels, and the weights of all samples. The last sample of a ray stands for what is left of it in the box."""
        count = distances.shape[1]
        minimum, size = constant(self.box.minimum, rays.origins), constant(self.box.size, rays.origins)
        positions = rays.origins[:, None] + distances[..., None] * rays.directions[:, None]
        features = sample_triplanes(self.scales, ((positions - minimum) / size).flatten(0, 1))
        encoded = network.encode(rays.directions).repeat_interleave(count, dim=0)
        colours, density = network(features, encoded)
        lengths = torch.cat([distances[:, 1:], t_max[:, None]], dim=1) - distances
        depth = density * lengths.flatten() * (self.sampling.density_scale / max(self.box.size))
        offsets = torch.arange(0, distances.numel() + 1, count, device=distances.device)
        weights, transmittance = render_weights(1 - torch.exp(-depth), offsets)
        shaded = composite(weights, colours, distances.flatten(), offsets, transmittance, self.background)
        return shaded, weights
