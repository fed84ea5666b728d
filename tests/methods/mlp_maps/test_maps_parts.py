"""Parts of the model: nothing is lost or coded twice, quantized values are what is decoded, ranks are what they say."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.mlp_maps.coding import decode_parts, encode_parts
from methods.mlp_maps.colour_maps import ColourNetwork, Lookup, ViewEncoding
from methods.mlp_maps.decoder import DecoderSizes
from methods.mlp_maps.factorise import with_colour_rank, with_short_latents
from methods.mlp_maps.field import PLANES, Shading
from methods.mlp_maps.model import Layout, MapsModel
from methods.mlp_maps.parts import assemble, parameter_shapes, parts_of
from methods.mlp_maps.quantized import Fineness, QuantizedModel
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.quantization.rounding import Rounding

FINENESS = Fineness(tables=3.0, networks=5.0, latents=8.0)


def layout(frames: int = 3, shared: int = 0) -> Layout:
    network = ColourNetwork(8, 6, 9)
    shading = Shading(network, Lookup.BLEND, ViewEncoding.HARMONICS, PLANES, 64, 1e-3, 1.0)
    decoder = DecoderSizes(8, (12, 10, 8), 8, (), (10, 12))
    return Layout(frames, HashLevels(4, 4, 32, 1024), decoder, shading, shared, 4, (0.0, 0.0, 0.0), 0.1)


def trained_model(shared: int = 0) -> MapsModel:
    """With tables as training leaves them: most of their values are what they were."""
    torch.manual_seed(0)
    model = MapsModel(layout(shared=shared))
    with torch.no_grad():
        for table in model.tables:
            used = torch.rand(len(table), 1) < 0.2
            table += used * torch.randn_like(table)
    return model


@pytest.mark.parametrize("shared", [0, 16])
def test_parts_are_the_whole_model_once(shared: int) -> None:
    model = trained_model(shared)
    parts, shapes = parts_of(model), parameter_shapes(model)
    assert len({part.name for part in parts}) == len(parts)
    assert sum(math.prod(part.lattice) for part in parts) == sum(values.numel() for values in model.parameters())
    parameters = dict(model.named_parameters())
    lattices = {part.name: part.read(parameters[part.parameter]) for part in parts}
    for name, values in assemble(parts, lattices, shapes).items():
        assert torch.equal(values, parameters[name])


def test_each_output_has_its_own_step() -> None:
    model = trained_model()
    with torch.no_grad():
        model.decoder.backbone[0].weight[:, 3] *= 100
        model.decoder.features.weight[5] *= 100
    steps = QuantizedModel(model, FINENESS).step_codes
    for name, output in (("decoder.backbone.0.weight", 3), ("decoder.features.weight", 5)):
        largest = steps[name].argmax()
        assert int(largest) == output
        others = torch.cat([steps[name][:output], steps[name][output + 1 :]])
        assert int(steps[name].max()) - 20 > int(others.max())


def test_what_is_decoded_is_what_training_saw_last() -> None:
    model = trained_model()
    quantized = QuantizedModel(model, FINENESS)
    seen = quantized.values(quantized.symbols(Rounding.ROUND))
    coded = quantized.coded()
    decoded = decode_parts(encode_parts(quantized.parts, coded), quantized.parts)
    for name, values in decoded.values(quantized.parts, quantized.shapes).items():
        torch.testing.assert_close(values, seen[name].detach(), atol=0, rtol=1e-6)
    for name, codes in coded.steps.items():
        assert torch.equal(codes, decoded.steps[name])
    for name, symbols in coded.symbols.items():
        assert torch.equal(symbols, decoded.symbols[name])


def test_untouched_entries_cost_next_to_nothing() -> None:
    torch.manual_seed(0)
    fresh = QuantizedModel(MapsModel(replace(layout(), levels=HashLevels(4, 4, 64, 2**14))), FINENESS)
    coded = fresh.coded()
    tables = [part for part in fresh.parts if part.is_table]
    assert all(not symbols.any() for name, symbols in coded.symbols.items() if name.startswith("tables"))
    assert len(encode_parts(tables, coded)) < sum(math.prod(part.lattice) for part in tables) / 400


def test_the_rate_is_about_the_size() -> None:
    torch.manual_seed(0)
    model = MapsModel(replace(layout(), levels=HashLevels(4, 4, 64, 2**15)))
    with torch.no_grad():
        for table in model.tables:
            table += (torch.rand(len(table), 1) < 0.2) * torch.randn_like(table)
    quantized = QuantizedModel(model, FINENESS)
    quantized.count()
    estimate = float(quantized.bits(quantized.symbols(Rounding.ROUND)).detach()) / 8
    size = len(encode_parts(quantized.parts, quantized.coded()))
    assert 0.8 * estimate < size < 1.1 * estimate + 2000


def test_ranks_are_the_best_sums_of_so_many_networks() -> None:
    model = trained_model()
    decoder = model.decoder
    with torch.no_grad():
        networks = [torch.cat([c.flatten(0, 1) for c in decoder(z).colours], dim=1) for z in model.latents]
    stacked = torch.cat(networks).double().numpy()
    centred = stacked - stacked.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    for rank in (2, 6, len(stacked)):
        reduced = with_colour_rank(model, rank)
        with torch.no_grad():
            found = torch.cat(
                [torch.cat([c.flatten(0, 1) for c in reduced.decoder(z).colours], dim=1) for z in model.latents]
            )
        error = float(((found.numpy() - stacked) ** 2).sum())
        least = float((singular[rank:] ** 2).sum())
        assert error <= 1.05 * least + 1e-6 * float((singular**2).sum())
        assert error >= 0.99 * least - 1e-6


def test_short_latents_show_the_same_frames() -> None:
    model = trained_model()
    short = with_short_latents(model)
    assert short.latents.shape == (3, 3)
    with torch.no_grad():
        for before, after in zip(model.latents, short.latents, strict=True):
            for ours, theirs in zip(model.decoder(before).colours, short.decoder(after).colours, strict=True):
                torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_short_latents_of_frames_that_are_alike_are_alike() -> None:
    """All distances between the codes of frames shrink or grow by one factor."""
    model = trained_model()
    with torch.no_grad():
        model.latents[2] = model.latents[1] + 0.01 * torch.randn_like(model.latents[1])
    short = with_short_latents(model)
    before, after = (torch.cdist(codes.detach(), codes.detach()) for codes in (model.latents, short.latents))
    factor = after[0, 1] / before[0, 1]
    torch.testing.assert_close(after, before * factor, atol=1e-4, rtol=1e-3)


def test_a_shared_network_has_no_colour_maps_to_reduce() -> None:
    model = trained_model(shared=16)
    assert with_colour_rank(model, 4) is model
