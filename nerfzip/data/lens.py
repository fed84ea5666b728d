"""Lens distortion, and how to undo it."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.data.images import Rgba, filter_premultiplied
from nerfzip.errors import CaptureError

Coordinates = Float[np.ndarray, "*shape"]
OUTSIDE = 9.0
"""In `grid_sample`'s coordinates, where the image ends at ±1."""


@dataclass(frozen=True)
class Lens:
    """A pinhole with OpenCV's polynomial distortion (radial k1 k2 k3, tangential p1 p2; k4 multiplies r⁸).

    Attributes:
        fx, fy, cx, cy: in pixels; the centre of the top left pixel lies at (0.5, 0.5).
    """

    fx: float
    fy: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    @property
    def is_pinhole(self) -> bool:
        return not any((self.k1, self.k2, self.k3, self.k4, self.p1, self.p2))

    def downscaled(self, factor: int) -> "Lens":
        """The same lens over pixels that are `factor` times as large."""
        scaled = {name: getattr(self, name) / factor for name in ("fx", "fy", "cx", "cy")}
        return replace(self, **scaled)

    def distort(self, column: Coordinates, row: Coordinates) -> tuple[Coordinates, Coordinates]:
        """Where the photograph shows what a pinhole with the same fx, fy, cx, cy would show at (column, row)."""
        x, y = (column - self.cx) / self.fx, (row - self.cy) / self.fy
        r2 = x * x + y * y
        radial = 1 + r2 * (self.k1 + r2 * (self.k2 + r2 * (self.k3 + r2 * self.k4)))
        x_distorted = x * radial + 2 * self.p1 * x * y + self.p2 * (r2 + 2 * x * x)
        y_distorted = y * radial + self.p1 * (r2 + 2 * y * y) + 2 * self.p2 * x * y
        return x_distorted * self.fx + self.cx, y_distorted * self.fy + self.cy

    def largest_radius(self) -> float:
        """The radius (at depth 1) up to which the radial polynomial grows; beyond, it would show things twice."""
        # d/dr of r·(1 + k1 r² + …), as a polynomial in r²; its first positive root is the limit.
        roots = np.roots([9 * self.k4, 7 * self.k3, 5 * self.k2, 3 * self.k1, 1.0])
        positive = roots.real[(abs(roots.imag) < 1e-9) & (roots.real > 0)]
        return float(np.sqrt(positive.min())) if len(positive) else float("inf")


@dataclass(frozen=True)
class Undistortion:
    """Resamples a photograph to the largest rectangle of pinhole pixels that it covers entirely.

    Attributes:
        left, top, width, height: that rectangle, in the pinhole's pixels; its cx and cy are smaller by left and top.
        grid: where to look in the photograph, in `grid_sample`'s coordinates.
    """

    left: int
    top: int
    width: int
    height: int
    grid: Float[Tensor, "1 height width 2"]

    def __call__(self, rgba: Rgba) -> Rgba:
        return filter_premultiplied(rgba, self._resample)

    def _resample(self, image: Rgba) -> Rgba:
        planes = torch.from_numpy(image).permute(2, 0, 1)[None]
        # The border matters to rounding only: `undistortion` leaves no pixel that needs one.
        samples = torch.nn.functional.grid_sample(planes, self.grid, padding_mode="border", align_corners=False)
        return samples[0].permute(1, 2, 0).contiguous().numpy()


def undistortion(lens: Lens, width: int, height: int, where: str) -> Undistortion:
    """The undistortion of photographs of one size. Focal lengths and principal point are kept, the edges cropped.

    Raises:
        CaptureError: the coefficients leave no pixel, naming `where`.
    """
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    column, row = lens.distort(columns, rows)
    inside = (column >= 0.5) & (column <= width - 0.5) & (row >= 0.5) & (row <= height - 0.5)
    radius = np.hypot((columns - lens.cx) / lens.fx, (rows - lens.cy) / lens.fy)
    left, top, right, bottom = _full_rectangle(inside & (radius < lens.largest_radius()))
    if right - left < 1 or bottom - top < 1:
        raise CaptureError(f"{where}: undoing the lens distortion leaves no pixel; the coefficients can't be right")
    normalised = np.stack([column * 2 / width - 1, row * 2 / height - 1], axis=-1)[top:bottom, left:right]
    grid = torch.from_numpy(normalised.astype(np.float32))[None]
    return Undistortion(left, top, right - left, bottom - top, grid)


def undistort_whole(
    image: Float[np.ndarray, "height width channels"], lens: Lens
) -> Float[np.ndarray, "height width channels"]:
    """Resample a photograph to pinhole pixels of the same size and intrinsics, as OpenCV's `undistort` does.

    What the photograph does not cover becomes 0. Nothing is prepared for the next image: a table for each of many
    cameras with large images would fill the memory.
    """
    if lens.is_pinhole:
        return image
    height, width = image.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)
    rows = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)
    column, row = lens.distort(columns, rows)
    normalised = np.stack([column * (2 / width) - 1, row * (2 / height) - 1], axis=-1, dtype=np.float32)
    radius = np.hypot((columns - lens.cx) / lens.fx, (rows - lens.cy) / lens.fy)
    normalised[radius >= lens.largest_radius()] = OUTSIDE
    planes = torch.from_numpy(image).permute(2, 0, 1)[None]
    grid = torch.from_numpy(normalised)[None]
    samples = torch.nn.functional.grid_sample(planes, grid, padding_mode="zeros", align_corners=False)
    return samples[0].permute(1, 2, 0).contiguous().numpy()


def _full_rectangle(valid: Bool[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Trim the side with the largest share of invalid pixels until none is left: left, top, right, bottom."""
    left, top, right, bottom = 0, 0, valid.shape[1], valid.shape[0]
    while left < right and top < bottom:
        part = valid[top:bottom, left:right]
        shares = [float(1 - side.mean()) for side in (part[:, 0], part[0], part[:, -1], part[-1])]
        if max(shares) == 0:
            break
        worst = shares.index(max(shares))
        left, top = left + (worst == 0), top + (worst == 1)
        right, bottom = right - (worst == 2), bottom - (worst == 3)
    return left, top, right, bottom
