"""The parts of the codec against slow or closed forms."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_codec import SIZES, tiny_codec

from methods.codecnerf.codec import as_planes, as_vectors
from methods.codecnerf.examples import SourceViews
from methods.codecnerf.plane_blocks import PlaneAttention, RolloutConvolution, roll_out
from methods.codecnerf.triplane_decoder import channels_last
from methods.codecnerf.unprojection import lattice, unproject
from methods.codecnerf.vector_quantizer import VectorQuantizer
from methods.codecnerf.view_encoder import ViewEncoder, load_transformer
from methods.codecnerf.volume_network import Projection
from nerfzip.data.procedural.cameras import orbit
from nerfzip.errors import CaptureError, ConfigError
from nerfzip.geometry import Box
from nerfzip.kernels.triplanes import sample_triplanes

CUBE = Box((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5))


def random_views(count: int) -> SourceViews:
    torch.manual_seed(1)
    return SourceViews(torch.rand(count, 3, 16, 16), orbit(count, 16), CUBE)


def test_a_vertex_gets_what_each_view_shows_of_it() -> None:
    """Each pixel of the map holds its own coordinates, which interpolate to where the vertex is projected."""
    views = random_views(4)
    rows, columns = torch.meshgrid(torch.arange(16.0) + 0.5, torch.arange(16.0) + 0.5, indexing="ij")
    maps = torch.stack([columns, rows], dim=-1).expand(4, -1, -1, -1)
    volume = unproject(maps, views.cameras, CUBE, 5, "concatenation")
    points = lattice(CUBE, 5)
    for view in range(4):
        expected = views.cameras.project(points, view)[:, :2].clamp(0.5, 15.5)
        found = volume[2 * view : 2 * view + 2].flatten(1).T
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_moments_are_those_of_the_views_in_any_order() -> None:
    views = random_views(5)
    maps = torch.rand(5, 16, 16, 3)
    each = unproject(maps, views.cameras, CUBE, 4, "concatenation").unflatten(0, (5, 3))
    moments = unproject(maps, views.cameras, CUBE, 4, "moments")
    torch.testing.assert_close(moments[:3], each.mean(dim=0))
    torch.testing.assert_close(moments[3:], each.var(dim=0, correction=0), atol=1e-5, rtol=1e-4)
    order = [3, 0, 4, 1, 2]
    shuffled = unproject(maps[order], views.cameras[order], CUBE, 4, "moments")
    torch.testing.assert_close(shuffled, moments, atol=1e-5, rtol=1e-4)


def test_planes_lie_where_the_field_looks_for_them() -> None:
    """A volume that depends on x alone: planes xy and xz change along their rows as the field reads them."""
    ramp = torch.linspace(0, 1, 6)[None, :, None, None].expand(1, 6, 6, 6)
    projection = Projection(1, 1)
    torch.nn.init.ones_(projection.mix.weight)
    torch.nn.init.zeros_(projection.mix.bias)
    planes = channels_last(projection(ramp))
    positions = torch.rand(50, 3)
    features = sample_triplanes([planes], positions)[:, 0]
    torch.testing.assert_close(features, (2 * positions[:, 0] + 0.5) / 3, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("plane", "axes"), [(0, (0, 1)), (1, (1, 2)), (2, (0, 2))])
def test_rollout_meets_the_shared_axis(plane: int, axes: tuple[int, int]) -> None:
    """Planes of means over the third axis of a volume that is a product: a row or column sees its own factor."""
    factors = torch.rand(3, 7) + 0.5
    planes = torch.stack([torch.outer(factors[a], factors[b]) for a, b in ((0, 1), (1, 2), (0, 2))])[:, None]
    rows, columns = roll_out(planes)
    expected_rows, expected_columns = factors[axes[0]] / factors[axes[0]][0], factors[axes[1]] / factors[axes[1]][0]
    torch.testing.assert_close(rows[plane, 0, :, 0] / rows[plane, 0, 0, 0], expected_rows)
    torch.testing.assert_close(columns[plane, 0, 0] / columns[plane, 0, 0, 0], expected_columns)


@pytest.mark.parametrize(("side", "cells"), [(3, (5, 5)), (3, (2, 2)), (1, (4, 4)), (5, (8, 8))])
def test_rollout_convolution_against_the_convolution_of_whole_planes(side: int, cells: tuple[int, int]) -> None:
    layer = RolloutConvolution(2, 4, side)
    planes = torch.randn(3, 2, *cells, requires_grad=True)
    others = [values.expand(-1, -1, *cells) for values in roll_out(planes)]
    whole = layer.convolution(torch.cat([planes, *others], dim=1).flatten(0, 1)[None])[0].unflatten(0, (3, -1))
    found, upstream = layer(planes), torch.randn_like(whole)
    torch.testing.assert_close(found, whole)
    inputs = [planes, *layer.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, upstream), torch.autograd.grad(whole, inputs, upstream)
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_projection_against_a_loop(weighted: bool) -> None:
    volume, weights = torch.randn(2, 3, 3, 3), torch.rand(1, 3, 3, 3) + 0.1
    projection = Projection(2, 2)
    found = projection(volume, weights) if weighted else projection(volume)
    weights = weights if weighted else torch.ones_like(weights)
    for plane, axes in enumerate(("xy", "yz", "xz")):
        sums, total = (torch.einsum(f"cxyz->c{axes}", values) for values in (weights * volume, weights))
        matrix, bias = (values.unflatten(0, (3, 2))[plane] for values in (projection.mix.weight, projection.mix.bias))
        expected = torch.einsum("oc,crs->ors", matrix[:, :, 0, 0], sums / total) + bias[:, None, None]
        torch.testing.assert_close(found[plane], expected)


def test_attention_against_the_whole_matrix() -> None:
    torch.manual_seed(0)
    attention = PlaneAttention(8)
    torch.nn.init.normal_(attention.projection.weight)
    planes = torch.randn(3, 8, 4, 4)
    stacked = attention.norm(planes.transpose(0, 1).reshape(1, 8, 12, 4))[0]
    tokens = stacked.reshape(8, 48).T
    queries, keys, values = (tokens @ w.T for w in attention.queries_keys_values.weight.chunk(3))
    shares = (queries @ keys.T / math.sqrt(8)).softmax(dim=1)
    added = (shares @ values @ attention.projection.weight.T).T.reshape(8, 3, 4, 4).transpose(0, 1)
    torch.testing.assert_close(attention(planes), (planes + added) / math.sqrt(2), atol=1e-5, rtol=1e-4)


def test_the_codebook_finds_clusters() -> None:
    torch.manual_seed(0)
    centres = 10 * torch.randn(8, 4)
    quantizer = VectorQuantizer(32, 4, decay=0.8)
    for _ in range(100):
        vectors = centres[torch.randint(8, (200,))] + 0.1 * torch.randn(200, 4)
        quantizer.learn(vectors, quantizer(vectors).indices)
    nearest = torch.cdist(centres, quantizer.codebook).amin(dim=1)
    assert float(nearest.max()) < 0.2


def test_gradients_pass_the_quantizer_unchanged() -> None:
    quantizer = VectorQuantizer(8, 4, decay=0.8)
    vectors = torch.randn(20, 4, requires_grad=True)
    quantized = quantizer(vectors)
    assert torch.equal(quantized.indices, torch.cdist(vectors, quantizer.codebook).argmin(dim=1))
    torch.testing.assert_close(quantized.vectors, quantizer.codebook[quantized.indices])
    (quantized.vectors * torch.arange(4.0)).sum().backward()
    assert vectors.grad is not None
    torch.testing.assert_close(vectors.grad, torch.arange(4.0).expand(20, 4))


def test_vectors_of_planes_and_back() -> None:
    planes = torch.randn(3, 4, 5, 5)
    assert torch.equal(as_planes(as_vectors(planes), 5), planes)
    assert torch.equal(as_vectors(planes)[25 + 7], planes[1, :, 1, 2])


def test_the_codec_encodes_and_decodes_to_two_resolutions() -> None:
    codec = tiny_codec()
    indices = codec.encode(random_views(6))
    assert indices.shape == (3, 8, 8) and int(indices.max()) < SIZES.codes
    assert [planes.shape for planes in codec.decode(indices)] == [(3, 8, 8, 4), (3, 16, 16, 4)]


def test_any_order_of_views_gives_the_same_planes() -> None:
    codec, views, order = tiny_codec(), random_views(5), [4, 2, 0, 3, 1]
    shuffled = SourceViews(views.images[order], views.cameras[order], views.box)
    torch.testing.assert_close(codec.encoder([views])[0], codec.encoder([shuffled])[0], atol=1e-4, rtol=1e-3)


def test_gradients_reach_every_parameter() -> None:
    codec = tiny_codec()
    planes = codec.encoder([random_views(3), random_views(4)])
    loss = sum(values.square().sum() for latents in planes for values in codec.decoder(latents))
    loss.backward()  # type: ignore[union-attr]
    networks = {"coarse", "fine"}
    missing = [n for n, p in codec.named_parameters() if p.grad is None and n.split(".")[0] not in networks]
    assert missing == []


def test_too_few_and_too_many_views_and_views_that_look_away() -> None:
    codec = tiny_codec()
    views = random_views(21)
    with pytest.raises(CaptureError, match="21 views for the encoder; this base model encodes 1 to 20"):
        codec.encode(views)
    with pytest.raises(CaptureError, match="4 views for the encoder; this base model encodes exactly 3"):
        tiny_codec(aggregation="concatenation", source_views=3).encode(random_views(4))
    away = replace(random_views(2), box=Box((9, 9, 9), (9.5, 9.5, 9.5)))
    with pytest.raises(CaptureError, match="view 0 of those for the encoder does not look at the object"):
        codec.encode(away)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match="lattice: 9, expected a multiple of 2"):
        replace(SIZES, lattice=9)
    with pytest.raises(ConfigError, match="aggregation: 'sum'"):
        replace(SIZES, aggregation="sum")
    with pytest.raises(ConfigError, match=r"views.side: 20, expected a multiple of the patch, 8"):
        replace(SIZES.views, side=20)


def test_weights_of_a_transformer_for_other_images(tmp_path: Path) -> None:
    """As they are, but the positions, which are interpolated."""
    large, small = (ViewEncoder(replace(SIZES.views, side=side)).transformer for side in (32, 16))
    torch.nn.init.constant_(large.pos_embed, 0.5)
    torch.save(large.state_dict(), tmp_path / "weights.pth")
    load_transformer(small, tmp_path / "weights.pth")
    assert small.pos_embed.shape == (1, 5, 8)
    torch.testing.assert_close(small.pos_embed, torch.full((1, 5, 8), 0.5))
    assert torch.equal(small.blocks[0].attn.qkv.weight, large.blocks[0].attn.qkv.weight)
    with pytest.raises(ConfigError, match=r"gone.pth: no weights of this transformer"):
        load_transformer(small, tmp_path / "gone.pth")
