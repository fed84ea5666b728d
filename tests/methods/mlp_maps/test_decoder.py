"""The decoder's shapes, counts and starting values, as the sheet lists them (mlp_maps.md, §1.2, §1.3, §3)."""

import math

import torch
from torch.nn import functional

from methods.mlp_maps.decoder import DecoderSizes, PlaneDecoder
from methods.mlp_maps.layers import SLOPE, EqualisedUpsampling
from nerfzip.kernels.hash_levels import HashLevels

PAPER = DecoderSizes(256, (256, 256, 128, 128, 64, 64, 64), 32, (), (64, 128, 128, 256))


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_papers_sizes() -> None:
    with torch.device("meta"):
        decoders = {parameters: PlaneDecoder(PAPER, 3, 3, parameters) for parameters in (2432, 2624)}
    decoder = decoders[2432]
    assert count(decoder.start) == 1_052_672
    weights = sum(layer.weight.numel() for layer in decoder.backbone)
    biases = sum(layer.bias.numel() for layer in decoder.backbone)
    assert (weights, biases) == (2_097_152, 5_685_248)
    assert count(decoder.features) == count(decoder.densities) == 55_392
    assert count(decoder.colour_trunk) == 553_536
    assert (PAPER.resolution, PAPER.density_resolution, PAPER.colour_resolution) == (256, 256, 16)
    # "103 MB" is what lies between the two.
    assert [round(4 * count(each) / 2**20, 1) for each in decoders.values()] == [100.4, 105.5]
    assert HashLevels().rows == 5_710_022
    assert round(3 * 2 * 4 * HashLevels().rows / 2**20, 1) == 130.7


def test_planes_have_their_resolutions() -> None:
    torch.manual_seed(0)
    sizes = DecoderSizes(16, (64, 48, 32), 8, (12,), (10, 20))
    decoder = PlaneDecoder(sizes, 3, 2, 40)
    planes = decoder(torch.randn(16))
    assert [tuple(plane.shape) for plane in planes.features] == [(16, 16, 8)] * 3
    assert [tuple(plane.shape) for plane in planes.densities] == [(8, 8, 8)] * 2
    assert [tuple(plane.shape) for plane in planes.colours] == [(4, 4, 40)] * 2


def test_upsampling_keeps_the_variance_at_the_start() -> None:
    torch.manual_seed(0)
    upsampled = EqualisedUpsampling(128, 128, 32)(torch.randn(8, 128, 16, 16)).detach()
    inner = upsampled[..., 4:-4, 4:-4]  # at the border a pixel has fewer inputs
    assert abs(float(inner.square().mean()) - 1) < 0.05


def test_channels_of_the_heads_go_to_their_planes() -> None:
    torch.manual_seed(0)
    decoder = PlaneDecoder(DecoderSizes(4, (6, 5), 3, (), (7,)), 3, 3, 11)
    latent = torch.randn(4)
    planes = decoder(latent)
    decoder.features.bias.data += torch.arange(9.0)
    moved = decoder(latent)
    for plane in range(3):
        change = moved.features[plane] - planes.features[plane]
        torch.testing.assert_close(change, (3.0 * plane + torch.arange(3)).expand_as(change), atol=1e-5, rtol=0)


def test_upsampling_is_a_sum_over_pixels_and_adds_a_bias_to_each() -> None:
    torch.manual_seed(0)
    layer = EqualisedUpsampling(2, 3, 8)
    layer.bias.data.normal_()
    values = torch.randn(1, 2, 4, 4)
    gain = math.sqrt(2 / 1.04) / math.sqrt(2 * 16 / 4)
    expected = torch.zeros(3, 10, 10)
    for row in range(4):
        for column in range(4):
            patch = torch.einsum("i,iohw->ohw", values[0, :, row, column], layer.weight * gain)
            expected[:, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += patch
    expected = functional.leaky_relu(expected[:, 1:9, 1:9] + layer.bias, SLOPE)
    torch.testing.assert_close(layer(values)[0], expected)
    # Each random value fills a square of the kernel.
    assert torch.equal(layer.weight[..., ::2, ::2], layer.weight[..., 1::2, 1::2])
