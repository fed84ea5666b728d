"""All parts of the model together: it learns a small video, with codes from images as well."""

import pytest
import torch

from methods.mlp_maps.base import FittedMaps, MapsVideo, Rendering, SharedSizes
from methods.mlp_maps.decoder import DecoderSizes
from methods.mlp_maps.distillation import Distillation
from methods.mlp_maps.encoder import EncoderSizes
from methods.mlp_maps.occupancy import OccupancySettings
from methods.mlp_maps.training import Schedule
from nerfzip.config import build_scene
from nerfzip.data.scene import VolumetricScene
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


def fitted(video: VolumetricScene, iterations: int, encoder: EncoderSizes | None = None, shared: int = 0) -> FittedMaps:
    base = MapsVideo(
        levels=HashLevels(count=4, base=4, finest=32, max_entries=2**12),
        decoder=DecoderSizes(16, (16, 16, 8), 8, (), (16, 16)),
        hidden=8,
        lookup="blend",
        view="harmonics",
        maps="orthogonal",
        shared=SharedSizes(shared, 4),
        encoder=encoder,
        rendering=Rendering(steps=64, weight_threshold=1e-3, skipping=True),
        hull=HullSettings(fewest_views=3, misses=0),
        hull_resolution=32,
        occupancy=OccupancySettings(resolution=(16, 16, 16), points=2, threshold=0.5),
        band=0,
        schedule=Schedule(iterations, 1, 256, 32, 0.7, 5e-3, 5e-2, 5, 0.3, 0.1, 1e-6, 40.0, 1e-3),
        teacher=None,
        distillation=Distillation(1, 1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
    )
    torch.manual_seed(0)
    return base.fit(video)


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
