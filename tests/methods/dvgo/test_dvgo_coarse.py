"""The coarse stage: what cameras see, what it finds, and what it says when it finds nothing."""

from dataclasses import replace

import pytest
import torch
from tiny_models import COARSE

from methods.dvgo.coarse import EMPTY, fit_coarse, shift_of, view_counts, voxel_centres, voxel_size_of
from nerfzip.data.scene import Scene
from nerfzip.errors import TrainingError
from nerfzip.fields import DirectColour, Shading, VoxelField, VoxelGeometry
from nerfzip.geometry import Box, Cameras

UNTRAINED = replace(COARSE, iterations=0, alpha_init=0.5)
"""Everything is opaque, so the occupancy is what the cameras alone decide."""


def coarse_of(scene: Scene, **changes: object) -> VoxelField:
    torch.manual_seed(0)
    return fit_coarse(scene, scene.train.images(scene.background), replace(UNTRAINED, **changes))


def looking_down_z(offsets: list[float]) -> Cameras:
    """10×10 pixels, 90 degrees wide, shifted along x, at the origin's height."""
    poses = torch.eye(4).repeat(len(offsets), 1, 1)
    poses[:, 0, 3] = torch.tensor(offsets)
    return Cameras(poses, torch.tensor([[5.0, 5.0, 5.0, 5.0]] * len(offsets)), 10, 10)


def test_view_counts_by_hand() -> None:
    cameras = looking_down_z([0.0, 1.0, 2.0])
    points = torch.tensor([[0.0, 0, 2], [2.5, 0, 2], [-1.9, 0, 2], [0, 0, -2], [1, 0, 0.2], [0, 2.1, 2]])
    counts, too_near = view_counts(points, cameras, near=0.5)
    assert counts.tolist() == [3, 2, 1, 0, 1, 0]
    assert too_near.tolist() == [False, False, False, False, True, False]


def test_voxels_that_few_cameras_see_or_that_are_near_one_leave(tiny_scene: Scene) -> None:
    near_scene = replace(tiny_scene, near=3.6)  # reaches into the box
    field = coarse_of(near_scene)
    centres = voxel_centres(field.geometry).reshape(-1, 3)
    cameras = near_scene.train.cameras
    seen_by = torch.zeros(len(centres))
    near = torch.zeros(len(centres), dtype=torch.bool)
    for index in range(len(cameras)):
        pixels = cameras.project(centres, index)
        inside = (pixels[:, :2] >= 0).all(dim=1) & (pixels[:, :2] <= 32).all(dim=1) & (pixels[:, 2] > 0)
        seen_by += inside.float()
        near |= (centres - cameras.camera_to_world[index, :3, 3]).norm(dim=1) < 3.6
    expected = ((seen_by > 2) & ~near).reshape(field.geometry.resolution)
    assert torch.equal(field.occupancy.mask > 0, expected)
    assert bool((field.density.data[~expected] == EMPTY).all())
    assert 0 < int(near.sum()) < len(near)


def test_fewer_cameras_than_views_asked_for(tiny_scene: Scene) -> None:
    one = replace(tiny_scene, splits={**tiny_scene.splits, "train": tiny_scene.splits["test"]})
    assert bool(coarse_of(one, fewest_views=10**6).occupancy.mask.any())


def test_size_and_shift() -> None:
    box = Box((0.0, 0.0, 0.0), (2.0, 1.0, 4.0))
    assert voxel_size_of(box, 64_000_000) == pytest.approx(0.005)
    assert VoxelGeometry(box, voxel_size_of(box, 64_001_000), 1.0, 0.5).resolution == (400, 200, 800)
    assert shift_of(1e-2) == pytest.approx(-4.59512, abs=1e-5)  # the published value
    field = VoxelField(VoxelGeometry(box, 0.5, 0.5, 1.0), 3, DirectColour(), Shading.SAMPLE, shift_of(0.3),
                       COARSE.thresholds, (0, 0, 0), 0.0)  # fmt: skip
    torch.testing.assert_close(field.alpha_of_voxels(1.0), torch.full((4, 2, 8), 0.3))


def test_the_occupied_box_holds_the_object(tiny_scene: Scene) -> None:
    """All that the test views show in the foreground: where rays of opaque pixels pass, they pass through the box."""
    torch.manual_seed(0)
    coarse = fit_coarse(tiny_scene, tiny_scene.train.images(tiny_scene.background), COARSE)
    box = coarse.occupied_box().enlarged(COARSE.box_margin)
    field = VoxelField(VoxelGeometry(box, 0.2, 0.2, 0.5), 3, DirectColour(), Shading.SAMPLE, 0.0,
                       COARSE.thresholds, (0, 0, 0), 0.0)  # fmt: skip
    occupied = float(coarse.occupancy.mask.float().mean())
    assert 0.01 < occupied < 0.9
    for view in range(len(tiny_scene.test)):
        _, _, t_min, t_max = field.to_voxels(tiny_scene.test.cameras.image_rays(view))
        opaque = tiny_scene.test.rgba(view)[..., 3].reshape(-1) > 0.5
        assert int(opaque.sum()) > 100
        assert bool((t_max > t_min)[opaque].all())


def test_nothing_found(tiny_scene: Scene) -> None:
    nowhere = replace(tiny_scene, box=Box((50.0, 50.0, 50.0), (51.0, 51.0, 51.0)))
    with pytest.raises(TrainingError, match=r"procedural: the coarse stage found nothing in the box \(50"):
        coarse_of(nowhere)
    with pytest.raises(TrainingError, match="check the box, the poses and the background"):
        coarse_of(tiny_scene, alpha_init=1e-6, iterations=1)
