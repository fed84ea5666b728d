"""What a basis field learns from a voxel field: the same opacities and colours at the same places."""

import math
from typing import Any

import torch

from methods.jointrf.base import occupancy_resolution
from methods.jointrf.distillation import Distillation, distil, raw_density
from methods.jointrf.grids import FrameGrids
from nerfzip.config import build, job_configs
from nerfzip.data.scene import Scene
from nerfzip.fields import Shading, VoxelField, VoxelGeometry
from nerfzip.fields.basis_field import DISTANCE_SCALE, BasisField
from nerfzip.fields.basis_field import Shading as BasisShading
from nerfzip.fields.basis_geometry import BasisBudget
from nerfzip.fields.basis_networks import BasisNetworks, NetworkSizes
from nerfzip.fields.colour import DirectColour
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.geometry import Box
from nerfzip.sampling import Occupancy
from nerfzip.training.teacher import Teacher, teacher_of

BOX = Box((-1.0, -1.2, -0.8), (1.0, 1.0, 0.9))
RADIUS = 0.6


def a_ball(box: Box = BOX) -> VoxelField:
    """Red on one side, blue on the other, around the origin."""
    geometry = VoxelGeometry(box, 0.05, 0.05, 0.5)
    field = VoxelField(
        geometry, 3, DirectColour(), Shading.SAMPLE, -3.0, Thresholds(1e-4, 1e-3, 1e-3), (1.0, 1.0, 1.0), 0.1
    )
    axes = [
        torch.linspace(low, high, n) for low, high, n in zip(box.minimum, box.maximum, geometry.resolution, strict=True)
    ]
    x, y, z = torch.meshgrid(*axes, indexing="ij")
    inside = x**2 + y**2 + z**2 < RADIUS**2
    field.density.data[..., 0] = torch.where(inside, 8.0, -8.0)
    field.features.data[:] = torch.stack([8 * x, torch.full_like(x, -8), -8 * x], dim=-1)
    return field


def test_densities_have_the_opacity_of_the_voxel_field() -> None:
    field = a_ball()
    world = torch.rand(500, 3) * torch.tensor(BOX.size) + torch.tensor(BOX.minimum)
    density = Teacher(field, torch.ones(2, 2, 2, dtype=torch.bool)).density(world)
    raw = raw_density(density, max(BOX.size))
    length = 0.03  # world units
    found = 1 - torch.exp(-DISTANCE_SCALE * length / max(BOX.size) * torch.nn.functional.softplus(raw))
    radius = world.norm(dim=1)
    solid = 1 - math.exp(-math.log1p(math.exp(8.0 - 3.0)) * length / 0.05)
    torch.testing.assert_close(found[radius < RADIUS - 0.1], torch.full_like(found[radius < RADIUS - 0.1], solid))
    assert (found[radius > RADIUS + 0.1] < 1e-4).all()
    torch.testing.assert_close(1 - torch.exp(-density * length), found, atol=1e-4, rtol=1e-4)


def test_a_basis_field_learns_the_ball() -> None:
    torch.manual_seed(0)
    (config,) = job_configs(["method=dvgo", "dataset=procedural", "dataset.resolution=24", "dataset.views=6"])
    scene: Scene = build(config.dataset_settings)
    field = a_ball(scene.box)
    resolution = occupancy_resolution(scene.box, 32)
    teacher = teacher_of(field, scene, scene.box, resolution, 0.01)
    centre, last = torch.tensor(scene.box.minimum), torch.tensor(resolution) - 1
    seen = centre + teacher.seen.nonzero() / last * torch.tensor(scene.box.size)
    # The surface can be seen, the inside and the far outside can't.
    assert seen.norm(dim=1).min() > 0.2 * RADIUS
    assert seen.norm(dim=1).max() < RADIUS + 0.3
    budget = BasisBudget(30_000, 0.2, [8, 16], [4, 4], [1.0, 1.0], 20, 64)
    geometry = budget.geometry(scene.box)
    networks = BasisNetworks(geometry.channels, NetworkSizes(16, 6, 16, 0, 1))
    frame = FrameGrids.initial(geometry, 0.1)
    shading = BasisShading(-3.0, 1e-3, 1e-2, 1e-2)
    student = BasisField(
        geometry, frame.unquantized(), networks, Occupancy.of(teacher.seen), shading, scene.background, scene.near
    )
    before = _errors(student, teacher)
    settings = Distillation(150, 2048, 0.03, 0.01, 0.1, 1.0, 1e-3, 100.0)
    distil(student, frame, teacher, scene.train.cameras, settings, "ball", networks)
    after = _errors(student, teacher)
    assert after[0] < 0.25 * before[0]
    assert after[1] < 0.3 * before[1]


def _errors(student: BasisField, teacher: Teacher) -> Any:
    """Mean absolute error of the opacities over a step, and of the colours, at the voxels that can be seen."""
    voxels = teacher.seen.nonzero().float()
    box = student.geometry.box
    world = torch.tensor(box.minimum) + voxels / (torch.tensor(teacher.seen.shape) - 1) * torch.tensor(box.size)
    directions = torch.nn.functional.normalize(torch.randn(len(voxels), 3), dim=1)
    with torch.no_grad():
        raw, appearance = student.raw_density(voxels)
        colours = student.networks.shade(appearance, directions)
        step = DISTANCE_SCALE * student.step / student.geometry.longest_side
        ours, theirs = (
            1 - torch.exp(-step * torch.nn.functional.softplus(values))
            for values in (raw + student.shading.density_shift, raw_density(teacher.density(world), max(box.size)))
        )
        return (ours - theirs).abs().mean(), (colours - teacher.colour(world, directions)).square().mean()
