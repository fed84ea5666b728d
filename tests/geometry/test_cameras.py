import math

import pytest
import torch
from torch import Tensor

from nerfzip.errors import CaptureError
from nerfzip.geometry import OPENGL_TO_OPENCV, Cameras, check_pose


def rotation(axis: int, angle: float) -> Tensor:
    result = torch.eye(4)
    first, second = (other for other in range(3) if other != axis)
    result[first, first] = result[second, second] = math.cos(angle)
    result[first, second], result[second, first] = -math.sin(angle), math.sin(angle)
    return result


def pose(seed: int) -> Tensor:
    angles = torch.rand(3, generator=torch.Generator().manual_seed(seed)) * 6
    result = rotation(0, float(angles[0])) @ rotation(1, float(angles[1])) @ rotation(2, float(angles[2]))
    result[:3, 3] = torch.tensor([1.0, -2.0, 3.0]) * (seed + 1)
    return result


@pytest.fixture
def cameras() -> Cameras:
    """Three cameras with a principal point off the centre and pixels that are not square."""
    intrinsics = torch.tensor([[50.0, 60.0, 17.0, 12.5], [40.0, 40.0, 16.0, 12.0], [90.0, 30.0, 3.0, 20.0]])
    return Cameras(torch.stack([pose(seed) for seed in range(3)]), intrinsics, width=32, height=24)


@pytest.mark.parametrize("camera", [0, 1, 2])
def test_rays_through_pixel_centres_project_to_those_pixels(cameras: Cameras, camera: int) -> None:
    rays = cameras.image_rays(camera)
    assert len(rays) == 24 * 32
    distances = torch.linspace(0.5, 9, len(rays))
    projected = cameras.project(rays.origins + distances[:, None] * rays.directions, camera)
    rows, columns = torch.meshgrid(torch.arange(24), torch.arange(32), indexing="ij")
    centres = torch.stack([columns, rows], dim=-1).reshape(-1, 2) + 0.5
    torch.testing.assert_close(projected[:, :2], centres, atol=2e-3, rtol=1e-4)
    forward = cameras.camera_to_world[camera, :3, 2]
    torch.testing.assert_close(projected[:, 2], distances * (rays.directions @ forward), atol=1e-4, rtol=1e-4)


def test_rays_have_unit_length_and_start_at_the_camera(cameras: Cameras) -> None:
    rays = cameras.rays(torch.tensor([2, 0, 1]), torch.tensor([0, 31, 7]), torch.tensor([23, 0, 4]))
    torch.testing.assert_close(rays.directions.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(rays.origins, cameras.camera_to_world[[2, 0, 1], :3, 3])


def test_opencv_axes() -> None:
    """With the identity as pose, x points right, y down and z into the scene."""
    cameras = Cameras(torch.eye(4)[None], torch.tensor([[10.0, 10.0, 2.0, 1.0]]), width=4, height=2)
    projected = cameras.project(torch.tensor([[0.0, 0.0, 5.0], [1.0, 0.0, 5.0], [0.0, 1.0, 10.0]]), 0)
    torch.testing.assert_close(projected, torch.tensor([[2.0, 1.0, 5.0], [4.0, 1.0, 5.0], [2.0, 2.0, 10.0]]))
    bottom_right = cameras.rays(torch.tensor([0]), torch.tensor([3]), torch.tensor([1])).directions
    torch.testing.assert_close(bottom_right * 10 / bottom_right[0, 2], torch.tensor([[1.5, 0.5, 10.0]]))


def test_an_opengl_camera_looks_along_minus_z() -> None:
    cameras = Cameras(OPENGL_TO_OPENCV[None], torch.tensor([[10.0, 10.0, 2.0, 1.0]]), width=4, height=2)
    above = cameras.project(torch.tensor([[0.0, 1.0, -5.0]]), 0)
    torch.testing.assert_close(above, torch.tensor([[2.0, -1.0, 5.0]]))


def test_choosing_cameras(cameras: Cameras) -> None:
    chosen = cameras[[2, 0]]
    assert len(cameras) == 3
    assert len(chosen) == 2
    assert torch.equal(chosen.image_rays(0).directions, cameras.image_rays(2).directions)


def test_a_rigid_pose_passes() -> None:
    check_pose(pose(5), "frame 1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:3], r"shape \(3, 4\)"),
        (lambda p: p.index_put((torch.tensor(1), torch.tensor(2)), torch.tensor(math.nan)), "NaN"),
        (lambda p: p.index_put((torch.tensor(1), torch.tensor(3)), torch.tensor(math.inf)), "infinite"),
        (lambda p: p * torch.tensor([2.0, 2, 2, 1]), "not rigid"),
        (lambda p: p * torch.tensor([-1.0, 1, 1, 1]), "the pose mirrors .*det R = -1"),
        (lambda p: p + torch.tensor([0.0, 0, 0, 1]) * torch.tensor([[0.0], [0], [0], [1]]), "last row"),
    ],
)
def test_other_poses_raise_an_error_that_names_them(change, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CaptureError, match=f"frame 7: .*{message}"):
        check_pose(change(pose(5)), "frame 7")
