"""What ablations and details of training do: other maps, one network, nothing skipped, the edge's band, refreshment."""

from functools import cache
from typing import Any

import pytest
import torch
from test_contract import TINY, TINY_VIDEO
from torch.distributions import Normal, kl_divergence

from methods.mlp_maps.base import FittedMaps
from methods.mlp_maps.encoder import EncoderSizes, LatentEncoder
from methods.mlp_maps.pixels import FramePixels
from methods.mlp_maps.shared_network import SharedNetwork
from methods.mlp_maps.training import Schedule, train
from nerfzip.bitstream import tensor_digest, unpack
from nerfzip.config import build, job_configs
from nerfzip.sampling import Occupancy

SEEN = 0.02
VARIANTS = {
    "bin": ["method.base.lookup=bin"],
    "xy": ["method.base.maps=xy"],
    "three_xy": ["method.base.maps=three_xy"],
    "shared": ["method.base.shared.width=16", "method.base.shared.layers=4"],
    "nothing skipped": ["method.base.occupancy=null"],
}


def method(*words: str) -> Any:
    (config,) = job_configs(["method=mlp_maps", *TINY_VIDEO, *TINY["mlp_maps"], *words])
    return build(config.method_settings)


@cache
def tiny_video() -> Any:
    (config,) = job_configs(["method=mlp_maps", *TINY_VIDEO])
    return build(config.dataset_settings)


@cache
def fitted(variant: str) -> FittedMaps:
    torch.manual_seed(0)
    return method(*VARIANTS.get(variant, [])).fit(tiny_video())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_published_file_of_a_variant_shows_what_was_fitted(variant: str) -> None:
    codec, model = method(*VARIANTS[variant], "method.coder=paper"), fitted(variant)
    decoded = codec.decompress(codec.compress(model, tiny_video())).frame(1)
    ours = model.model().requires_grad_(False).field(1, model.boxes[1], Occupancy.of(model.masks[1]))
    rays = tiny_video().frames[1].test.cameras.image_rays(0)
    assert torch.equal(decoded.render(rays).rgb, ours.render(rays).rgb)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_small_file_of_a_variant_decodes_to_what_was_coded(variant: str) -> None:
    codec = method(*VARIANTS[variant])
    data = codec.compress(fitted(variant), tiny_video())
    assert tensor_digest(codec.decompress(data).coded_tensors()) == unpack(data).digest


def test_without_occupancy_rays_look_at_the_whole_box() -> None:
    model = fitted("nothing skipped")
    assert [mask.tolist() for mask in model.masks] == [[[[True]]]] * len(model.boxes)
    published = method(*VARIANTS["nothing skipped"], "method.coder=paper")
    frame = published.decompress(published.compress(model, tiny_video())).frame(0)
    samples = frame.samples(tiny_video().frames[0].test.cameras.image_rays(0))
    lengths = torch.zeros(len(samples.ray_offsets) - 1).index_add_(
        0, samples.ray_indices, samples.t_ends - samples.t_starts
    )
    fitted_boxes = method().fit(tiny_video()).boxes
    assert model.boxes == fitted_boxes, "the boxes are those of the complete model"
    corner = torch.dist(torch.tensor(frame.box.minimum), torch.tensor(frame.box.maximum))
    assert 0.5 * float(corner) < float(lengths.max()) <= float(corner) * 1.01


def test_the_shared_network_is_nerfs() -> None:
    """Layer by layer in float64: eight layers, of which the sixth sees the features again."""
    torch.manual_seed(0)
    network = SharedNetwork(features=6, view=3, width=8, layers=8).double()
    features, view = torch.randn(5, 6, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    state = network.state_dict()

    def layer(name: str, values: torch.Tensor) -> torch.Tensor:
        return values @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    hidden = features
    for index in range(8):
        hidden = layer(f"trunk.{index}", torch.cat([features, hidden], dim=1) if index == 5 else hidden).clamp(min=0)
    bottleneck = layer("bottleneck", hidden)
    shaded = layer("shade.2", layer("shade.0", torch.cat([bottleneck, view], dim=1)).clamp(min=0))
    raw, kept = network.density(features)
    torch.testing.assert_close(raw, layer("raw_density", hidden)[:, 0])
    torch.testing.assert_close(network.colour(torch.cat([kept, view], dim=1)), shaded)


def test_the_divergence_is_that_of_normal_distributions() -> None:
    torch.manual_seed(0)
    encoder = LatentEncoder(EncoderSizes((0,), (4, 4), 8), 5, torch.randn(2, 1, 3, 16, 16))
    with torch.no_grad():
        encoder.log_deviation.bias.copy_(torch.tensor([-100.0, -20.0, 0.0, 20.0, 100.0]))
        mean, log_deviation = encoder(1)
        _, divergence = encoder.sample(1)
    expected = kl_divergence(Normal(mean, log_deviation.exp()), Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(divergence, expected)


def test_pixels_at_the_edge_of_the_foreground_are_left_out() -> None:
    scene, box = tiny_video().frames[0], fitted("bin").boxes[0]
    every, inner = FramePixels(scene, box, 0), FramePixels(scene, box, 3)
    left_out = set(every.inside.tolist()) - set(inner.inside.tolist())
    assert set(inner.inside.tolist()) < set(every.inside.tolist())
    height, width = scene.train.cameras.height, scene.train.cameras.width
    opaque = torch.stack([scene.train.rgba(view)[..., 3] > 0.5 for view in range(len(scene.train))])
    for pixel in every.inside.tolist():
        view, row, column = pixel // (height * width), pixel // width % height, pixel % width
        around = opaque[view, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert (pixel in left_out) == (bool(around.any()) and not bool(around.all()))


def test_voxels_are_seen_where_a_sample_had_weight() -> None:
    model = fitted("bin").model().requires_grad_(False)
    field = model.field(0, fitted("bin").boxes[0], Occupancy.full((12, 12, 12)))
    rays = tiny_video().frames[0].test.cameras.image_rays(0)[::7]
    samples = field.samples(rays)
    middles, lengths = (samples.t_starts + samples.t_ends) / 2, samples.t_ends - samples.t_starts
    positions = field.to_unit(
        rays.origins[samples.ray_indices] + middles[:, None] * rays.directions[samples.ray_indices]
    )
    opacities = 1 - torch.exp(-field.density(positions)[0].relu() * lengths / field.shading.unit)
    expected = torch.zeros(12, 12, 12, dtype=torch.bool)
    for ray in range(len(rays)):
        light = 1.0
        for sample in range(int(samples.ray_offsets[ray]), int(samples.ray_offsets[ray + 1])):
            if light * float(opacities[sample]) > SEEN:
                x, y, z = (positions[sample] * 12).long().clamp(0, 11).tolist()
                expected[x, y, z] = True
            light *= 1 - float(opacities[sample])
    seen = torch.zeros(12, 12, 12, dtype=torch.uint8)
    field.shade(rays, middles, lengths, samples.ray_indices, samples.ray_offsets, 1e-3, seen, SEEN)
    assert 0 < int(expected.sum()) < expected.numel()
    # Rounding may push a sample on a border to the other voxel.
    assert int(((seen > 0) != expected).sum()) <= 2


def test_refreshment_keeps_what_was_seen() -> None:
    base, model = method().base, fitted("bin").model()
    frames = base.frames(tiny_video(), fitted("bin").boxes, [torch.ones(12, 12, 12, dtype=torch.bool)] * 3)
    fewer = {}
    for seen_weight in (0.3, 1.0):
        schedule = Schedule(60, 1, 256, 24, 0.7, 5e-3, 5e-2, 5, 0.3, 0.1, 0.0, 40.0, 1e-3, seen_weight, (50,))
        torch.manual_seed(0)
        occupancies = train(model, frames, schedule, "refresh")
        fewer[seen_weight] = [int((occupancy.mask == 0).sum()) for occupancy in occupancies]
    assert max(fewer[0.3]) > 0
    # No sample has more than the whole of a pixel's weight, so nothing was seen, and nothing is judged.
    assert fewer[1.0] == [0, 0, 0]
