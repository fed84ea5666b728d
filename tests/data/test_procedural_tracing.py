"""Pictures of simple solids whose depth, outline and colour are known in closed form."""

import math

import numba
import numpy as np
import pytest
import torch

from nerfzip.data.procedural.cameras import hemisphere, orbit
from nerfzip.data.procedural.orrery import orrery
from nerfzip.data.procedural.parts import Material, Part, bounding_box, box, frustum, pack, rod, sphere, torus
from nerfzip.data.procedural.tracing import KEY, trace_depth, trace_image
from nerfzip.geometry import Cameras

MATT = Material((0.5, 0.3, 0.1), specular=0.0)


def test_depth_of_a_sphere_along_the_ray_through_its_centre() -> None:
    centre = torch.tensor([0.4, -0.3, 0.5])
    packed = pack([sphere(0.25, MATT).moved(*centre.tolist())])
    cameras = orbit(5, 64)
    for view in range(5):
        column, row, _ = cameras.project(centre[None], view)[0]
        # Shift the principal point so that the sphere's centre falls on a pixel's centre.
        shift = torch.stack([torch.tensor(0.0), torch.tensor(0.0), 20.5 - column, 30.5 - row])
        shifted = Cameras(cameras.camera_to_world, cameras.intrinsics + shift, 64, 64)
        distance = float(torch.linalg.norm(cameras.camera_to_world[view, :3, 3] - centre))
        assert trace_depth(packed, shifted, view)[30, 20] == pytest.approx(distance - 0.25, abs=1e-5)


def test_rays_are_those_of_the_cameras() -> None:
    """Points at the traced depth along `Cameras.rays` lie on a tilted plate's top face."""
    plate = box(1.5, 1.5, 0.02, MATT).turned("x", 0.4).turned("z", 1.0).moved(0.1, 0.2, -0.1)
    cameras = hemisphere(3, 40, seed=4)
    for view in range(3):
        depth = torch.from_numpy(trace_depth(pack([plate]), cameras, view)).reshape(-1)
        rays = cameras.image_rays(view)
        seen = torch.isfinite(depth)
        assert seen.sum() > 50
        points = (rays.origins + depth[:, None] * rays.directions)[seen].double().numpy()
        local = (points - plate.centre) @ plate.rotation
        outside = np.max(np.abs(local) - np.array(plate.size), axis=1)
        assert np.abs(outside).max() < 1e-5


def test_alpha_covers_the_ellipse_that_a_sphere_projects_to() -> None:
    centre, radius = torch.tensor([0.5, 0.4, -0.3]), 0.45
    cameras = orbit(4, 120)
    for view in range(4):
        alpha = trace_image(pack([sphere(radius, MATT).moved(*centre.tolist())]), cameras, view, samples=4)[..., 3]
        pose = cameras.camera_to_world[view]
        towards = centre - pose[:3, 3]
        distance = float(torch.linalg.norm(towards))
        off_axis = math.acos(float(towards @ pose[:3, 2]) / distance)
        half_angle = math.asin(radius / distance)
        major = (math.tan(off_axis + half_angle) - math.tan(off_axis - half_angle)) / 2
        minor = math.sin(half_angle) / math.sqrt(math.cos(off_axis) ** 2 - math.sin(half_angle) ** 2)
        area = math.pi * major * minor * float(cameras.intrinsics[view, 0]) ** 2
        assert alpha.sum(dtype=np.float64) / 255 == pytest.approx(area, rel=3e-3)


def test_colour_is_straight_where_a_pixel_is_partly_covered() -> None:
    image = trace_image(pack([box(1.0, 1.0, 0.02, MATT)]), hemisphere(1, 50, seed=2), 0, samples=4)
    top = np.median(image[image[..., 3] == 255][:, :3], axis=0)
    partly = image[(image[..., 3] > 100) & (image[..., 3] < 255)]
    assert len(partly) > 10
    # The thin sides of the plate have another colour, so not every pixel agrees.
    assert np.mean(np.abs(partly[:, :3] - top).max(axis=1) <= 1) > 0.4
    assert not image[image[..., 3] == 0].any()


@pytest.mark.parametrize("specular", [0.0, 0.8])
def test_highlights_and_only_they_depend_on_the_view(specular: float) -> None:
    """The point of a sphere that faces the light, in views from many sides."""
    material = Material((0.3, 0.3, 0.3), specular=specular, sharpness=3)
    facing_light = 0.8 * torch.tensor(KEY)
    cameras = orbit(8, 101)
    colours = []
    for view in range(8):
        image = trace_image(pack([sphere(0.8, material)]), cameras, view, samples=1)
        column, row, depth = cameras.project(facing_light[None], view)[0].tolist()
        if depth < 3.7:
            colours.append(int(image[int(row), int(column), 0]))
    assert len(colours) > 3
    spread = max(colours) - min(colours)
    assert spread <= 2 if specular == 0 else spread > 20


def test_a_blocker_towards_the_key_light_casts_a_shadow() -> None:
    plate = box(2.0, 2.0, 0.02, MATT)
    blocker = sphere(0.1, MATT).moved(*(1.0 * np.array(KEY)))
    cameras = orbit(1, 101)
    lit = trace_image(pack([plate]), cameras, 0, samples=1)
    shadowed = trace_image(pack([plate, blocker]), cameras, 0, samples=1)
    column, row, _ = cameras.project(torch.tensor([[0.0, 0.0, 0.01]]), 0)[0].tolist()
    assert shadowed[int(row), int(column), 0] < 0.8 * lit[int(row), int(column), 0]


@pytest.mark.parametrize(
    "part",
    [
        sphere(0.3, MATT),
        box(0.2, 0.9, 0.4, MATT),
        frustum(0.5, 0.2, 0.6, MATT),
        frustum(0.1, 0.4, 0.3, MATT),
        torus(0.5, 0.1, MATT),
    ],
)
def test_extents_are_tight(part: Part) -> None:
    """Against parallel-ish outlines: the depth points of many views fill the box, and none leaves it."""
    part = part.turned("x", 0.7).turned("z", 0.4).moved(0.1, -0.2, 0.3)
    low, high = part.extent()
    cameras = hemisphere(24, 120, seed=0)
    points = []
    for view in range(24):
        depth = torch.from_numpy(trace_depth(pack([part]), cameras, view)).reshape(-1)
        rays = cameras.image_rays(view)
        points.append((rays.origins + depth[:, None] * rays.directions)[torch.isfinite(depth)].numpy())
    seen = np.concatenate(points)
    assert (seen >= low - 1e-5).all() and (seen <= high + 1e-5).all()
    np.testing.assert_allclose(seen.max(axis=0), high, atol=0.02)
    np.testing.assert_allclose(seen.min(axis=0)[:2], low[:2], atol=0.02)
    assert np.linalg.norm(seen - part.centre, axis=1).max() <= part.reach() + 1e-5


def test_a_rod_ends_where_it_was_told_to() -> None:
    part = rod((0.1, 0.2, 0.3), (-0.4, 0.5, 0.9), 0.01, MATT)
    ends = [part.centre + sign * part.size[2] * part.rotation[:, 2] for sign in (-1, 1)]
    np.testing.assert_allclose(ends, [(0.1, 0.2, 0.3), (-0.4, 0.5, 0.9)], atol=1e-12)


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    most = numba.config.NUMBA_NUM_THREADS
    if most < 2:
        pytest.skip("numba may use one thread only")
    packed, cameras = pack(orrery(0.0)), orbit(2, 48)
    before = numba.get_num_threads()
    images = []
    try:
        for threads in (1, most):
            numba.set_num_threads(threads)
            images.append(trace_image(packed, cameras, 1, samples=2))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(images[0], images[1])


def test_the_orrery_stays_inside_its_space_at_all_times() -> None:
    bounds = bounding_box([part for step in range(9) for part in orrery(step / 8)], margin=0.0)
    assert min(bounds.minimum) > -1.2 and max(bounds.maximum) < 1.2
