"""Rendering a coefficient × basis field, against a slow loop over every sample of every ray in float64."""

import copy

import numpy as np
import pytest
import torch
from slow_rendering import interpolated
from test_voxel_field import random_rays

from nerfzip.fields.basis_field import DISTANCE_SCALE, BasisField, BasisGrids, Shading
from nerfzip.fields.basis_geometry import BasisBudget
from nerfzip.fields.basis_header import BasisDescription
from nerfzip.fields.basis_networks import NetworkSizes
from nerfzip.geometry import Box, Rays

BOX = Box((-1.0, -0.8, -0.9), (1.0, 1.0, 0.7))
BACKGROUND = (0.9, 0.4, 0.1)
BUDGET = BasisBudget(4000, 0.3, [6, 9], [3, 2], [1.3, 2.1], 20, 24)


def a_field(weight_threshold: float = 0.0) -> BasisField:
    """Random grids and networks, some voxels empty, no sample left out."""
    torch.manual_seed(0)
    geometry = BUDGET.geometry(BOX)
    shading = Shading(-1.5, weight_threshold, 0.0, 0.0)
    description = BasisDescription(geometry, NetworkSizes(12, 5, 8, 1, 2), (11, 9, 8), shading, BACKGROUND, 0.3)
    grids = BasisGrids(
        1 + torch.randn(geometry.coefficient_shape), [torch.randn(shape) for shape in geometry.basis_shapes]
    )
    networks = description.new_networks()
    return description.field(grids, networks.requires_grad_(False), torch.rand(11, 9, 8) < 0.7)


def features_at(field: BasisField, inside: np.ndarray) -> np.ndarray:
    """C ∘ B at a position in [0, 1]³, by scipy."""
    coefficients = field.grids.coefficients.double().numpy()
    levels = []
    for grid, tiles in zip(field.grids.bases, field.geometry.tiles.double().numpy(), strict=True):
        places = np.mod(inside * tiles, 1) * (np.array(grid.shape[:3]) - 1)
        levels.append(interpolated(grid.double().numpy(), places))
    return interpolated(coefficients, inside * coefficients.shape[:3] - 0.5) * np.concatenate(levels)


def render_ray(field: BasisField, ray_origin: torch.Tensor, ray_direction: torch.Tensor) -> tuple[np.ndarray, float]:
    """Its colour, and how near a sample came to a border between voxels or tiles, where rounding decides."""
    origin, direction = ray_origin.numpy(), ray_direction.numpy()
    low, high = np.array(BOX.minimum), np.array(BOX.maximum)
    mask, step = field.occupancy.mask.numpy(), field.geometry.step
    networks = copy.deepcopy(field.networks).double()
    faces = np.array([(low - origin) / direction, (high - origin) / direction])
    enter, leave = max(faces.min(axis=0).max(), field.near), faces.max(axis=0).min()
    length = max((leave - enter) / step, 0.0)
    margins = [abs(length - round(length)) if leave > enter else abs(leave - enter)]
    passed, colour = 1.0, np.zeros(3)
    for index in range(int(length)):
        inside = (origin + (enter + (index + 0.5) * step) * direction - low) / (high - low)
        voxel = inside * (np.array(mask.shape) - 1)
        margins.append(np.abs(voxel - 0.5 - np.round(voxel - 0.5)).min())
        if not mask[tuple(np.clip(np.floor(voxel + 0.5).astype(int), 0, np.array(mask.shape) - 1))]:
            continue
        turns = inside * field.geometry.tiles.double().numpy()
        margins.append(np.abs(turns - np.round(turns)).min())
        raw, appearance = networks.project(torch.from_numpy(features_at(field, inside))[None])
        depth = DISTANCE_SCALE * step / max(BOX.size)
        alpha = 1 - np.exp(-depth * np.log1p(np.exp(float(raw) + field.shading.density_shift)))
        margins.append(abs(passed * alpha - field.shading.weight_threshold) if field.shading.weight_threshold else 1)
        if passed * alpha > field.shading.weight_threshold:
            colour += passed * alpha * networks.shade(appearance, ray_direction[None])[0].numpy()
        passed *= 1 - alpha
    return colour + passed * np.array(field.background), min(margins)


@pytest.mark.parametrize("weight_threshold", [0.0, 0.05])
def test_agrees_with_a_slow_loop(weight_threshold: float) -> None:
    field, rays = a_field(weight_threshold), random_rays(60)
    rendered = field.forward(rays).rgb
    certain = 0
    for rgb, origin, direction in zip(rendered, rays.origins.double(), rays.directions.double(), strict=True):
        expected, margin = render_ray(field, origin, direction)
        if margin > 2e-5:
            certain += 1
            np.testing.assert_allclose(rgb.numpy(), expected, atol=2e-4)
    assert certain > 45
    assert (rendered - torch.tensor(BACKGROUND)).abs().amax(dim=1).gt(0.05).sum() > 15


def test_rays_in_parts_are_rays_at_once() -> None:
    field, rays = a_field(), random_rays(5000)
    parts = field.render(rays).rgb
    torch.testing.assert_close(parts, field.forward(rays).rgb.clamp(0, 1), atol=1e-6, rtol=0)
    assert len(field.render(Rays(rays.origins[:0], rays.directions[:0])).rgb) == 0
