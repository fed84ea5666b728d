"""Densities and colours of single points, worked out in loops from the sheet (mlp_maps.md, §1.3 and §1.4)."""

import itertools
import math

import numpy as np
import pytest
import torch

from methods.mlp_maps.base import MAP_AXES
from methods.mlp_maps.colour_maps import ColourNetwork, Lookup, ViewEncoding
from methods.mlp_maps.decoder import DecoderSizes
from methods.mlp_maps.field import FrameField, Shading
from methods.mlp_maps.model import Layout, MapsModel
from nerfzip.fields.encoding import encode_frequencies
from nerfzip.geometry import Box
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.sampling import Occupancy

LEVELS = HashLevels(count=3, base=3, finest=7, max_entries=4096)
"""Small enough for a row for each node."""
FEATURES, HIDDEN, VIEW = 6, 5, 15
FRAME, FRAMES = 1, 4
PLANES = ((0, 1), (0, 2), (1, 2))


def random_model(lookup: Lookup, maps: str) -> MapsModel:
    torch.manual_seed(0)
    network = ColourNetwork(FEATURES, HIDDEN, VIEW)
    shading = Shading(network, lookup, ViewEncoding.FREQUENCIES, MAP_AXES[maps], 64, 1e-3, 1.0)
    decoder = DecoderSizes(8, (8, 8), FEATURES, (), (8,))
    model = MapsModel(Layout(FRAMES, LEVELS, decoder, shading, 0, 4, (0.0, 0.0, 0.0), 0.1))
    with torch.no_grad():
        for values in model.parameters():
            values.copy_(0.25 * torch.randn_like(values))
    return model


def hash_features(table: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Level by level; between nodes with weights 3s² − 2s³; the first coordinate's nodes follow each other."""
    growth = (LEVELS.finest / LEVELS.base) ** (1 / (LEVELS.count - 1))
    found, start = [], 0
    for level in range(LEVELS.count):
        size = LEVELS.base * growth**level
        nodes = math.ceil(round(size, 6))
        position = (place + 1) / 2 * (size - 1)
        lower = np.floor(position).astype(int)
        weights = 3 * (position - lower) ** 2 - 2 * (position - lower) ** 3
        total = np.zeros(table.shape[1])
        for corner in itertools.product((0, 1), repeat=3):
            weight = np.prod([w if c else 1 - w for w, c in zip(weights, corner, strict=True)])
            x, y, z = np.minimum(lower + corner, nodes - 1)
            total += weight * table[start + x + nodes * (y + nodes * z)]
        found.append(total)
        start += nodes**3
    return np.concatenate(found)


def corners(place: np.ndarray, shape: tuple[int, ...]) -> list[tuple[float, int, int]]:
    """Weights and indices of the four cells around a place in [0, 1], whose ends are the centres of the outer cells."""
    position = place * (np.array(shape[:2]) - 1)
    lower = np.minimum(np.floor(position).astype(int), np.array(shape[:2]) - 2)
    s, t = position - lower
    row, column = lower
    return [
        ((1 - s) * (1 - t), row, column),
        ((1 - s) * t, row, column + 1),
        (s * (1 - t), row + 1, column),
        (s * t, row + 1, column + 1),
    ]


def network(parameters: np.ndarray, features: np.ndarray, view: np.ndarray) -> np.ndarray:
    first, second, last = np.split(parameters, np.cumsum([HIDDEN * FEATURES, HIDDEN * (HIDDEN + VIEW)]))
    hidden = first.reshape(HIDDEN, FEATURES) @ features
    hidden = np.maximum(second.reshape(HIDDEN, -1) @ np.concatenate([hidden, view]), 0)
    return last.reshape(3, HIDDEN) @ hidden


@pytest.mark.parametrize("maps", list(MAP_AXES))
@pytest.mark.parametrize("lookup", list(Lookup))
def test_points_against_loops(lookup: Lookup, maps: str) -> None:
    model = random_model(lookup, maps).requires_grad_(False)
    field: FrameField = model.field(FRAME, Box((0, 0, 0), (1, 1, 1)), Occupancy.of(torch.ones(2, 2, 2) > 0))
    positions = torch.rand(20, 3)
    directions = torch.nn.functional.normalize(torch.randn(20, 3), dim=1)
    raw, features = field.density(positions)
    colours = field.colour(positions, features, directions)
    planes = [[plane.double().numpy() for plane in kind] for kind in (field.planes.features, field.planes.densities)]
    networks = [each.double().numpy() for each in field.planes.colours]
    tables = [table.double().numpy() for table in model.tables]
    moment = 2 * FRAME / FRAMES - 1
    for index, point in enumerate(positions.double().numpy()):
        gamma = np.zeros(FEATURES)
        for axes, table, plane in zip(PLANES, tables, planes[0], strict=True):
            place = point[list(axes)]
            gamma += hash_features(table, np.array([*(2 * place - 1), moment]))
            gamma += sum(weight * plane[row, column] for weight, row, column in corners(place, plane.shape))
        density, logits = 0.0, np.zeros(3)
        view = encode_frequencies(directions[index : index + 1], 2)[0].double().numpy()
        for axes, plane, each in zip(MAP_AXES[maps], planes[1], networks, strict=True):
            place = point[list(axes)]
            around = corners(place, plane.shape)
            density += sum(weight * float(plane[row, column] @ gamma) for weight, row, column in around)
            if lookup is Lookup.BIN:
                row, column = np.floor(place * len(each)).astype(int)
                logits += network(each[row, column], gamma, view)
            else:
                for weight, row, column in corners(place, each.shape):
                    logits += weight * network(each[row, column], gamma, view)
        np.testing.assert_allclose(features[index], gamma, atol=1e-4)
        assert float(raw[index]) == pytest.approx(density, abs=1e-3, rel=1e-4)
        assert np.abs(logits).max() < 8  # A sigmoid beyond would hide what is wrong.
        np.testing.assert_allclose(colours[index], 1 / (1 + np.exp(-logits)), atol=1e-4)
