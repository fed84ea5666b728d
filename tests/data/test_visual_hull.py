import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from nerfzip.data import Views
from nerfzip.data.foreground_box import foreground_box
from nerfzip.data.procedural import load_procedural_dynamic
from nerfzip.data.procedural.orrery import orrery
from nerfzip.data.procedural.shapes import BOX, FRUSTUM, SPHERE
from nerfzip.data.visual_hull import carve, carve_masks
from nerfzip.errors import CaptureError
from nerfzip.geometry import Box, Cameras

CENTRE, RADIUS = np.array([0.1, -0.2, 0.05]), 0.5
BOX_AROUND = Box((-0.9, -1.2, -0.8), (1.0, 0.9, 1.1))
RESOLUTION = (48, 52, 44)


def looking_at(positions: np.ndarray, targets: np.ndarray, pixels: int = 100, focal: float = 110.0) -> Cameras:
    poses = torch.eye(4).repeat(len(positions), 1, 1)
    for pose, position, target in zip(poses, positions, targets, strict=True):
        forward = (target - position) / np.linalg.norm(target - position)
        turn = Rotation.align_vectors([forward], [[0.0, 0.0, 1.0]])[0].as_matrix()
        pose[:3, :3], pose[:3, 3] = torch.from_numpy(turn), torch.from_numpy(position)
    intrinsics = torch.tensor([focal, 1.1 * focal, pixels / 2 + 1.5, pixels / 2 - 2.0]).repeat(len(positions), 1)
    return Cameras(poses, intrinsics, pixels, pixels - 10)


def around(count: int, distance: float = 3.0) -> Cameras:
    """Spread evenly over the sphere (a Fibonacci lattice), looking at the origin."""
    height = 1 - 2 * (np.arange(count) + 0.5) / count
    azimuth = math.pi * (1 + math.sqrt(5)) * np.arange(count)
    ring = np.sqrt(1 - height**2)
    positions = distance * np.stack([ring * np.cos(azimuth), ring * np.sin(azimuth), height], axis=-1)
    return looking_at(positions, np.zeros((count, 3)))


def sphere_masks(cameras: Cameras) -> list[np.ndarray]:
    """Rays through pixel centres that pass the sphere's centre at less than its radius."""
    masks = []
    for index in range(len(cameras)):
        rays = cameras.image_rays(index)
        to_centre = torch.from_numpy(CENTRE).float() - rays.origins
        along = (to_centre * rays.directions).sum(dim=-1, keepdim=True)
        hit = ((to_centre - along * rays.directions).norm(dim=-1) < RADIUS) & (along[:, 0] > 0)
        masks.append(hit.reshape(cameras.height, cameras.width).numpy())
    return masks


def voxel_centres(box: Box, resolution: tuple[int, int, int]) -> np.ndarray:
    axes = [np.linspace(*ends) for ends in zip(box.minimum, box.maximum, resolution, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def test_hull_of_a_sphere_against_its_closed_form() -> None:
    cameras = around(60)
    hull = carve_masks(cameras, sphere_masks(cameras), BOX_AROUND, RESOLUTION, fewest_views=60)
    voxel = np.array(BOX_AROUND.size) / (np.array(RESOLUTION) - 1)
    distance = np.linalg.norm(voxel_centres(BOX_AROUND, RESOLUTION) - CENTRE, axis=-1)
    assert hull[distance <= RADIUS].all()
    # Balls around the voxels' centres reach the silhouettes, which pixels round; cameras leave gaps between them.
    reach = np.linalg.norm(voxel) / 2 + 3.6 / 110
    assert not hull[distance > 1.1 * (RADIUS + reach)].any()
    volume = 4 / 3 * math.pi * RADIUS**3
    assert volume < hull.sum() * voxel.prod() < 4 / 3 * math.pi * (RADIUS + reach) ** 3


def test_footprints_against_sampled_balls() -> None:
    """Random specks, and for each voxel the rectangle of pixels around many projected points of its ball."""
    rng = np.random.default_rng(5)
    cameras = looking_at(np.array([[0.3, -2.0, 0.4], [1.5, 0.2, 1.0]]), np.array([[0.2, 0.1, -0.1], [-0.6, 0.0, 0.0]]))
    masks = [rng.random((cameras.height, cameras.width)) < 0.004 for _ in range(2)]
    resolution = (9, 8, 10)
    hull = carve_masks(cameras, masks, BOX_AROUND, resolution, fewest_views=1)
    ball = rng.normal(size=(4000, 3))
    ball *= (
        np.linalg.norm(np.array(BOX_AROUND.size) / (np.array(resolution) - 1))
        / 2
        / np.linalg.norm(ball, axis=1, keepdims=True)
    )

    def reference(scale: float) -> np.ndarray:
        kept = np.zeros(resolution, dtype=bool)
        for voxel in np.ndindex(resolution):
            centre = voxel_centres(BOX_AROUND, resolution)[voxel]
            meets = []
            for index, mask in enumerate(masks):
                column, row, depth = cameras.project(torch.from_numpy(centre[None]).float(), index)[0].tolist()
                if depth > 0 and 0 <= column < cameras.width and 0 <= row < cameras.height:
                    points = cameras.project(torch.from_numpy(centre + scale * ball).float(), index)[:, :2].numpy()
                    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
                    rows = np.s_[max(math.floor(top), 0) : math.floor(bottom) + 1]
                    columns = np.s_[max(math.floor(left), 0) : math.floor(right) + 1]
                    meets.append(mask[rows, columns].any())
            kept[voxel] = bool(meets) and all(meets)
        return kept

    assert 0.02 < hull.mean() < 0.9
    assert hull[reference(0.99)].all()
    assert reference(1.01)[hull].all()


def test_a_camera_that_looks_elsewhere_changes_nothing() -> None:
    cameras = around(20)
    away = looking_at(np.array([[0.0, 0.0, 3.0]]), np.array([[0.0, 0.0, 9.0]]))
    more = Cameras(
        torch.cat([cameras.camera_to_world, away.camera_to_world]),
        torch.cat([cameras.intrinsics, away.intrinsics]),
        cameras.width,
        cameras.height,
    )
    masks = sphere_masks(cameras)
    empty = np.zeros_like(masks[0])
    hull = carve_masks(cameras, masks, BOX_AROUND, RESOLUTION, fewest_views=20)
    np.testing.assert_array_equal(carve_masks(more, [*masks, empty], BOX_AROUND, RESOLUTION, fewest_views=20), hull)
    with pytest.raises(CaptureError, match="at least 21 cameras see and at most 0"):
        carve_masks(more, [*masks, empty], BOX_AROUND, RESOLUTION, fewest_views=21)


def test_misses_forgive_cameras_without_a_mask() -> None:
    cameras = around(20)
    masks = sphere_masks(cameras)
    masks[3] = np.zeros_like(masks[3])
    with pytest.raises(CaptureError, match="moment 7: the masks agree on no point of the box from"):
        carve_masks(cameras, masks, BOX_AROUND, RESOLUTION, 20, misses=0, frame="moment 7")
    hull = carve_masks(cameras, masks, BOX_AROUND, RESOLUTION, 20, misses=1)
    distance = np.linalg.norm(voxel_centres(BOX_AROUND, RESOLUTION) - CENTRE, axis=-1)
    assert hull[distance <= RADIUS].all()
    empty = [np.zeros_like(mask) for mask in masks]
    with pytest.raises(CaptureError, match="moment 8: the masks of all 20 cameras are empty"):
        carve_masks(cameras, empty, BOX_AROUND, RESOLUTION, 20, misses=20, frame="moment 8")


def test_voxels_at_and_behind_a_camera_do_not_count_as_seen() -> None:
    """The camera stands in the box: what is behind it, and the voxel that it is in, it does not see."""
    cameras = looking_at(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]]))
    masks = [np.ones((cameras.height, cameras.width), dtype=bool)]
    hull = carve_masks(cameras, masks, Box((-1, -1, -1), (1, 1, 1)), (21, 21, 21), fewest_views=1)
    assert hull[10, 10, 12:].all()
    assert not hull[:, :, :11].any()


def inside(kind: int, size: tuple[float, float, float], points: np.ndarray) -> np.ndarray:
    """Which points, in a solid's own axes, are in it."""
    x, y, z = points.T
    from_axis = np.hypot(x, y)
    if kind == SPHERE:
        return np.linalg.norm(points, axis=-1) < size[0]
    if kind == BOX:
        return (np.abs(points) < np.array(size)).all(axis=-1)
    if kind == FRUSTUM:
        share = (z + size[2]) / (2 * size[2])
        return (from_axis < (1 - share) * size[0] + share * size[1]) & (np.abs(z) < size[2])
    return np.hypot(from_axis - size[0], z) < size[1]


def test_every_part_of_the_embedded_scene_is_in_its_hull(tmp_path: Path) -> None:
    frame = load_procedural_dynamic(frames=2, resolution=100, views=16, test_views=1, cache=tmp_path).frames[0]
    resolution = (96, 96, 96)
    hull = carve(frame.train, frame.box, resolution, fewest_views=16)
    assert hull.mean() < 0.4
    voxel = np.array(frame.box.size) / 95
    rng = np.random.default_rng(1)
    for part in orrery(0.0):
        low, high = part.extent()
        points = rng.uniform(low, high, (20000, 3))
        points = points[inside(part.kind, part.size, (points - part.centre) @ part.rotation)]
        assert len(points) > 0
        index = np.rint((points - np.array(frame.box.minimum)) / voxel).astype(int)
        assert hull[tuple(index.T)].all(), part


def test_alpha_threshold() -> None:
    cameras = around(12)
    masks = sphere_masks(cameras)
    rgba = [np.repeat(0.6 * mask[..., None], 4, axis=-1) for mask in masks]
    views = Views(cameras, tuple("abcdefghijkl"), lambda index: rgba[index])
    hull = carve(views, BOX_AROUND, RESOLUTION, 12, alpha=0.5)
    np.testing.assert_array_equal(hull, carve_masks(cameras, masks, BOX_AROUND, RESOLUTION, 12))
    with pytest.raises(CaptureError, match="frame 4: the masks of all 12 cameras are empty"):
        carve(views, BOX_AROUND, RESOLUTION, 12, alpha=0.6, frame="frame 4")


def test_foreground_box_holds_the_hulls_of_all_moments() -> None:
    cameras = around(30)
    moved = Cameras(cameras.camera_to_world.clone(), cameras.intrinsics, cameras.width, cameras.height)
    moved.camera_to_world[:, :3, 3] += torch.tensor([0.3, 0.0, 0.0])
    # Seen from cameras moved by +0.3, the sphere stands 0.3 further to −x.
    moments = [("first", sphere_masks(cameras)), ("second", sphere_masks(moved))]
    box = foreground_box(cameras, moments, fewest_views=30, misses=0, margin=0.0)
    low, high = CENTRE - RADIUS - [0.3, 0, 0], CENTRE + RADIUS
    slack = 0.1
    assert (np.array(box.minimum) <= low).all() and (np.array(box.minimum) > low - slack).all()
    assert (np.array(box.maximum) >= high).all() and (np.array(box.maximum) < high + slack).all()
    wider = foreground_box(cameras, moments, fewest_views=30, misses=0, margin=0.1)
    np.testing.assert_allclose(wider.size, 1.2 * np.array(box.size))
    with pytest.raises(CaptureError, match="third: the masks of all 30 cameras are empty"):
        foreground_box(cameras, [("third", [0 * mask for mask in moments[0][1]])], 30, 0, 0.0)
