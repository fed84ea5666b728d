"""The sizes of coefficient × basis fields against those that the sheet derives from the paper's source."""

import math

import numpy as np
import pytest
import torch

from nerfzip.fields.basis_geometry import BasisBudget, cosine_atoms
from nerfzip.fields.basis_networks import BasisNetworks, NetworkSizes
from nerfzip.geometry import Box

CHANNELS = [4, 4, 4, 2, 2, 2]
PUBLISHED = BasisBudget(
    parameters=5_308_416,
    coefficient_share=589_824 / 5_308_416,
    basis_resolutions=[32, 51, 70, 89, 108, 128],
    basis_channels=CHANNELS,
    frequencies=[2, 3.2, 4.4, 5.6, 6.8, 8],
    finest=768,
    samples=300,
)
CUBE = Box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


def test_the_published_budget_gives_the_published_sizes() -> None:
    geometry = PUBLISHED.geometry(CUBE)
    assert geometry.coefficient_shape == (32, 32, 32, 18)
    assert geometry.basis_resolutions == (25, 39, 54, 69, 84, 99)
    assert sum(math.prod(shape) for shape in geometry.basis_shapes) == 4_712_656
    assert geometry.frequencies == pytest.approx([1.939, 3.103, 4.267, 5.430, 6.594, 7.758], abs=6e-4)
    assert geometry.parameters == 589_824 + 4_712_656


def test_in_a_box_that_is_no_cube_voxels_stay_cubes_and_their_number_the_same() -> None:
    geometry = PUBLISHED.geometry(Box((0.0, 0.0, 0.0), (1.0, 2.0, 4.0)))
    edges = np.array(geometry.box.size) / geometry.coefficient_resolution
    assert edges == pytest.approx([edges.mean()] * 3, rel=0.03)
    assert math.prod(geometry.coefficient_resolution) == pytest.approx(32**3, rel=0.03)
    # Along the longest side each level repeats as often as its frequency says, elsewhere less.
    tiles = geometry.tiles.numpy()
    assert tiles[:, 2] == pytest.approx(geometry.frequencies)
    assert tiles[:, 0] == pytest.approx(tiles[:, 2] / 4)


def test_the_published_networks_have_45120_parameters() -> None:
    networks = BasisNetworks(sum(CHANNELS), NetworkSizes(64, 31, 128, 2, 6))
    counts = [sum(weight.numel() for weight in part.parameters()) for part in (networks.projection, networks.colour)]
    assert counts == [3_264, 41_856]


@pytest.mark.parametrize("count", [2, 4, 8, 9])
def test_atoms_are_products_of_cosines(count: int) -> None:
    atoms = cosine_atoms(12, count).numpy()
    assert atoms.shape == (12, 12, 12, count)
    assert np.abs(atoms).max(axis=(0, 1, 2)) == pytest.approx(np.ones(count))
    # The first is constant; a product of functions of x, y and z has rank 1 along each axis.
    assert (atoms[..., 0] == 1).all()
    for atom in np.moveaxis(atoms, -1, 0):
        for axis in range(3):
            singular = np.linalg.svd(np.moveaxis(atom, axis, 0).reshape(12, -1), compute_uv=False)
            assert singular[1] < 1e-4 * singular[0]


def test_atoms_differ() -> None:
    atoms = cosine_atoms(16, 8).reshape(-1, 8)
    similarity = torch.nn.functional.normalize(atoms, dim=0)
    similarity = (similarity.T @ similarity).abs() - torch.eye(8)
    assert similarity.max() < 0.9
