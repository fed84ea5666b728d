"""All parts of the model together: it learns a small video, with codes from images as well."""

from dataclasses import replace

import pytest
import torch

from methods.mlp_maps.base import FittedMaps, MapsVideo, Rendering, SharedSizes
from methods.mlp_maps.decoder import DecoderSizes
from methods.mlp_maps.encoder import EncoderSizes
from methods.mlp_maps.field import PLANES, FrameField
from methods.mlp_maps.occupancy import OccupancySettings
from methods.mlp_maps.training import Schedule, train
from nerfzip.config import build_scene
from nerfzip.data.scene import VolumetricScene
from nerfzip.fields.encoding import encode_harmonics
from nerfzip.geometry import Rays
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.metrics import psnr
from nerfzip.rendering.images import render_image
from nerfzip.sampling import Occupancy
from nerfzip.training.hull import HullSettings

ENCODER = EncoderSizes(cameras=(0, 3), channels=(8, 8, 16), hidden=32)


@pytest.fixture(scope="module")
def video() -> VolumetricScene:
    words = ["dataset=procedural_dynamic", "dataset.resolution=32", "dataset.views=8", "dataset.test_views=2"]
    scene = build_scene([*words, "dataset.samples=1", "dataset.frames=2"])
    assert isinstance(scene, VolumetricScene)
    return scene


def small_base(iterations: int, encoder: EncoderSizes | None = None, shared: int = 0) -> MapsVideo:
    return MapsVideo(
        levels=HashLevels(count=4, base=4, finest=32, max_entries=2**12),
        decoder=DecoderSizes(16, (16, 16, 8), 8, (), (16, 16)),
        hidden=8,
        lookup="blend",
        view="harmonics",
        maps="orthogonal",
        shared=SharedSizes(shared, 4),
        encoder=encoder,
        rendering=Rendering(steps=64, weight_threshold=1e-3),
        hull=HullSettings(fewest_views=3, misses=0),
        hull_resolution=32,
        occupancy=OccupancySettings(resolution=(16, 16, 16), points=2, threshold=0.5),
        band=0,
        schedule=Schedule(iterations, 1, 256, 32, 0.7, 5e-3, 5e-2, 5, 0.3, 0.1, 1e-6, 40.0, 1e-3),
    )


def fitted(video: VolumetricScene, iterations: int, encoder: EncoderSizes | None = None, shared: int = 0) -> FittedMaps:
    torch.manual_seed(0)
    return small_base(iterations, encoder, shared).fit(video)


def quality(fit: FittedMaps, video: VolumetricScene) -> float:
    """Mean PSNR of the test views, in dB."""
    model = fit.model().requires_grad_(False)
    values = []
    for index, (frame, box, mask) in enumerate(zip(video.frames, fit.boxes, fit.masks, strict=True)):
        field = model.field(index, box, Occupancy.of(mask))
        truth = frame.test.image(0, frame.background).float() / 255
        values.append(float(psnr(render_image(field, frame.test.cameras, 0), truth)))
    return sum(values) / len(values)


def test_it_learns_from_images(video: VolumetricScene) -> None:
    assert quality(fitted(video, 120), video) > quality(fitted(video, 1), video) + 2


@pytest.mark.parametrize("variant", ["encoder", "shared"])
def test_variants_learn_too(video: VolumetricScene, variant: str) -> None:
    encoder, shared = (ENCODER, 0) if variant == "encoder" else (None, 16)
    found = quality(fitted(video, 120, encoder, shared), video)
    assert found > quality(fitted(video, 1, encoder, shared), video) + 1


def test_colours_that_are_black_are_not_driven_on(video: VolumetricScene) -> None:
    """A sigmoid of -25 has next to no gradient, and Adam must not make a step of it: such colours never came back."""
    base, fit = small_base(10), fitted(video, 40)
    model = fit.model()
    network = model.layout.shading.network
    second = torch.zeros(network.hidden, network.hidden + network.view)
    # The first harmonic is a constant.
    second[:, network.hidden] = 1.0
    constant = float(encode_harmonics(torch.tensor([[0.0, 0.0, 1.0]]))[0, 0])
    last = torch.full((3 * network.hidden,), -25 / (len(PLANES) * network.hidden * constant))
    black = torch.cat([torch.zeros(network.hidden * network.features), second.flatten(), last])
    with torch.no_grad():
        for head in model.decoder.colours:
            head.weight.zero_()
            head.bias.copy_(black)
    train(model, base.frames(video, fit.boxes, fit.masks), base.schedule, "black")
    moved = max(float((head.bias.detach() - black).abs().max()) for head in model.decoder.colours)
    assert moved < base.schedule.networks / 10


def test_only_what_is_occupied_is_looked_at(video: VolumetricScene) -> None:
    fit = fitted(video, 40)
    model = fit.model().requires_grad_(False)
    field = model.field(0, fit.boxes[0], Occupancy.of(fit.masks[0]))
    samples = field.samples(video.frames[0].test.cameras.image_rays(0))
    middles = (samples.t_starts + samples.t_ends) / 2
    rays = video.frames[0].test.cameras.image_rays(0)
    world = rays.origins[samples.ray_indices] + middles[:, None] * rays.directions[samples.ray_indices]
    assert field.occupied(field.to_unit(world)).float().mean() > 0.999
    empty = model.field(0, fit.boxes[0], Occupancy.of(torch.zeros_like(fit.masks[0])))
    assert torch.equal(empty.render(rays).opacity, torch.zeros(len(rays)))


def slowly_shaded(field: FrameField, rays: Rays) -> torch.Tensor:
    """Ray by ray, with the density and the colour of every sample."""
    samples = field.samples(rays)
    pixels = []
    for ray in range(len(rays)):
        part = slice(int(samples.ray_offsets[ray]), int(samples.ray_offsets[ray + 1]))
        middles, lengths = (samples.t_starts + samples.t_ends)[part] / 2, (samples.t_ends - samples.t_starts)[part]
        positions = field.to_unit(rays.origins[ray] + middles[:, None] * rays.directions[ray])
        raw, features = field.density(positions)
        optical_depth = raw.relu() * lengths / field.shading.unit
        light = torch.exp(-torch.cat([torch.zeros(1), optical_depth.cumsum(0)]))
        colours = field.colour(positions, features, rays.directions[ray].expand(len(positions), 3))
        pixels.append((light[:-1] - light[1:]) @ colours + light[-1] * torch.tensor(field.background))
    return torch.stack(pixels)


def test_what_is_not_seen_is_left_out_and_nothing_changes(video: VolumetricScene) -> None:
    fit = fitted(video, 120)
    model = fit.model()
    field = model.field(0, fit.boxes[0], Occupancy.of(fit.masks[0]))
    rays = video.frames[0].test.cameras.image_rays(0)[::8]
    expected = slowly_shaded(field, rays)
    samples = field.samples(rays)
    middles, lengths = (samples.t_starts + samples.t_ends) / 2, samples.t_ends - samples.t_starts
    found = field.shade(rays, middles, lengths, samples.ray_indices, samples.ray_offsets, weight_threshold=0.0)
    torch.testing.assert_close(found.rgb, expected, atol=2e-3, rtol=0)
    torch.testing.assert_close(field.render(rays).rgb, expected, atol=2e-2, rtol=0)
    upstream = torch.rand_like(expected)
    for ours, slow in zip(
        *(torch.autograd.grad(rgb, list(model.tables), upstream, retain_graph=True) for rgb in (found.rgb, expected)),
        strict=True,
    ):
        assert float((ours - slow).norm()) < 0.02 * float(slow.norm())


def test_behind_what_is_opaque_nothing_is_looked_at(video: VolumetricScene) -> None:
    fit = fitted(video, 120)
    model = fit.model().requires_grad_(False)
    field = model.field(0, fit.boxes[0], Occupancy.of(fit.masks[0]))
    field.planes = replace(field.planes, densities=[100 * plane for plane in field.planes.densities])
    rays = video.frames[0].test.cameras.image_rays(0)[::8]
    expected = slowly_shaded(field, rays)
    looked_at: list[int] = []
    density = field.density

    def counted(positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        looked_at.append(len(positions))
        return density(positions)

    field.density = counted  # type: ignore[method-assign]
    torch.testing.assert_close(field.render(rays).rgb, expected, atol=2e-2, rtol=0)
    assert sum(looked_at) < 0.9 * len(field.samples(rays).t_starts)
