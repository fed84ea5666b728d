"""Pinhole cameras, and the rays through their pixels."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.errors import CaptureError
from nerfzip.geometry.rays import Rays

OPENGL_TO_OPENCV = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))
"""Multiply an OpenGL/Blender camera-to-world matrix by this on the right to get ours."""


@dataclass(frozen=True)
class Cameras:
    """Pinhole cameras that share an image size.

    Attributes:
        camera_to_world: rigid poses with OpenCV axes (x right, y down, z forward), world units.
        intrinsics: fx, fy, cx, cy in pixels; the centre of the top left pixel lies at (0.5, 0.5).
        width, height: image size in pixels.
    """

    camera_to_world: Float[Tensor, "cameras 4 4"]
    intrinsics: Float[Tensor, "cameras 4"]
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.camera_to_world)

    def to(self, device: torch.device | str) -> "Cameras":
        return Cameras(self.camera_to_world.to(device), self.intrinsics.to(device), self.width, self.height)

    @property
    def device(self) -> torch.device:
        return self.camera_to_world.device

    def __getitem__(self, index: slice | list[int] | Tensor) -> "Cameras":
        return Cameras(self.camera_to_world[index], self.intrinsics[index], self.width, self.height)

    def rays(
        self,
        camera_indices: Int[Tensor, "cameras"],
        columns: Int[Tensor, "rays"],
        rows: Int[Tensor, "rays"],
    ) -> Rays:
        """Rays through the centres of the given pixels of the given cameras, one for each ray or one for all."""
        pose = self.camera_to_world[camera_indices]
        fx, fy, cx, cy = self.intrinsics[camera_indices].unbind(-1)
        x = (columns + 0.5 - cx) / fx
        y = (rows + 0.5 - cy) / fy
        directions = pose[:, :3, 0] * x[:, None] + pose[:, :3, 1] * y[:, None] + pose[:, :3, 2]
        origins = pose[:, :3, 3].expand(directions.shape).contiguous()
        return Rays(origins, torch.nn.functional.normalize(directions, dim=-1))

    def image_rays(self, camera_index: int) -> Rays:
        """All rays of one camera, row by row."""
        pixels = torch.arange(self.height * self.width, device=self.device)
        return self.rays(pixels.new_tensor([camera_index]), pixels % self.width, pixels // self.width)

    def project(self, points: Float[Tensor, "points 3"], camera_index: int) -> Float[Tensor, "points 3"]:
        """Pixel coordinates (column, row) and depth along the camera's z axis, in world units, of world points."""
        world_to_camera = torch.linalg.inv(self.camera_to_world[camera_index])
        local = points @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
        fx, fy, cx, cy = self.intrinsics[camera_index]
        depth = local[:, 2]
        return torch.stack([local[:, 0] / depth * fx + cx, local[:, 1] / depth * fy + cy, depth], dim=-1)


def check_pose(pose: Float[Tensor, "4 4"], where: str) -> None:
    """Raise CaptureError, naming `where`, unless `pose` is a finite rigid transform."""
    if pose.shape != (4, 4):
        raise CaptureError(f"{where}: a pose of shape {tuple(pose.shape)}, expected 4×4")
    if not bool(torch.isfinite(pose).all()):
        raise CaptureError(f"{where}: the pose has NaN or infinite entries")
    rotation = pose[:3, :3].double()
    error = float((rotation @ rotation.T - torch.eye(3, dtype=torch.float64)).abs().max())
    determinant = float(torch.linalg.det(rotation))
    if error <= 1e-3 and determinant < 0:
        raise CaptureError(f"{where}: the pose mirrors (det R = {determinant:.4g}), expected a rotation")
    if error > 1e-3 or not math.isclose(determinant, 1.0, abs_tol=1e-2):
        raise CaptureError(
            f"{where}: the pose is not rigid: R·Rᵀ differs from the identity by {error:.3g}, det R = {determinant:.4g}"
        )
    if not torch.allclose(pose[3], pose.new_tensor([0.0, 0.0, 0.0, 1.0]), atol=1e-6):
        raise CaptureError(f"{where}: the last row of the pose is {pose[3].tolist()}, expected 0 0 0 1")
