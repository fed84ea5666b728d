"""Settings and numbers that a loader gets from outside: checked, or refused with a message that says what is wrong."""

import difflib
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.errors import CaptureError
from nerfzip.geometry import Box, Colour, check_pose

Corners = Sequence[Sequence[float]]
"""A box as a setting: its minimum and its maximum corner."""

LARGEST_SKEW = 1e-3
"""Of fx. What is below moves no pixel of a usual image by more than one."""


def scene_folder(root: str | Path, scene: str) -> Path:
    """The folder `root/scene`.

    Raises:
        CaptureError: it does not exist; the nearest names are offered.
    """
    root = Path(root)
    if not root.is_dir():
        raise CaptureError(f"{root}: no such folder, expected the one that holds the scenes")
    folder = root / scene
    if not folder.is_dir():
        found = sorted(path.name for path in root.iterdir() if path.is_dir())
        near = difflib.get_close_matches(scene, found) or found[:10]
        hint = f"found {', '.join(near)}" if near else "it has no folders"
        raise CaptureError(f"{root}: no scene {scene!r}; {hint}")
    return folder


def check_downscale(downscale: object) -> int:
    """Raise CaptureError unless `downscale` is an integer of at least 1."""
    if not isinstance(downscale, int) or isinstance(downscale, bool) or downscale < 1:
        raise CaptureError(f"downscale: {downscale!r}, expected an integer of at least 1")
    return downscale


def check_range(near: float, far: float) -> tuple[float, float]:
    """Raise CaptureError unless 0 ≤ near < far < ∞."""
    near, far = as_number(near, "near"), as_number(far, "far")
    if not 0 <= near < far:
        raise CaptureError(f"near and far: {near:g} and {far:g}, expected 0 ≤ near < far")
    return near, far


def as_number(value: object, where: str) -> float:
    """A finite float, or CaptureError naming `where`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise CaptureError(f"{where}: {value!r}, expected a finite number")


def as_positive(value: object, where: str) -> float:
    """A finite float above zero, or CaptureError naming `where`."""
    number = as_number(value, where)
    if number <= 0:
        raise CaptureError(f"{where}: {number:g}, expected a positive number")
    return number


def as_colour(value: Sequence[float], where: str) -> Colour:
    """Red, green, blue in [0, 1], or CaptureError naming `where`."""
    red, green, blue = _three_numbers(value, where)
    if not all(0 <= channel <= 1 for channel in (red, green, blue)):
        raise CaptureError(f"{where}: {list(value)}, expected numbers in [0, 1]")
    return red, green, blue


def as_box(corners: object, where: str) -> Box:
    """A box that is not empty, or CaptureError naming `where`."""
    if not isinstance(corners, Sequence) or len(corners) != 2:
        raise CaptureError(f"{where}: {corners!r}, expected a minimum and a maximum corner")
    minimum, maximum = (_three_numbers(corner, where) for corner in corners)
    if not all(low < high for low, high in zip(minimum, maximum, strict=True)):
        raise CaptureError(f"{where}: from {list(minimum)} to {list(maximum)}, expected a maximum above the minimum")
    return Box(minimum, maximum)


def as_pose(value: object, where: str) -> Float[Tensor, "4 4"]:
    """A rigid transform in float64 from nested lists, or CaptureError naming `where`."""
    rows = value if isinstance(value, list) else []
    if len(rows) != 4 or not all(isinstance(row, list) and len(row) == 4 for row in rows):
        raise CaptureError(f"{where}: expected four rows of four numbers")
    pose = torch.tensor([[as_number(entry, where) for entry in row] for row in rows], dtype=torch.float64)
    check_pose(pose, where)
    return pose


def as_intrinsics(value: object, where: str) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy from a 3×3 matrix of nested lists without skew, or CaptureError naming `where`."""
    rows = value if isinstance(value, list) else []
    if len(rows) != 3 or not all(isinstance(row, list) and len(row) == 3 for row in rows):
        raise CaptureError(f"{where}: expected three rows of three numbers")
    (fx, skew, cx), (_, fy, cy), _ = [[as_number(entry, where) for entry in row] for row in rows]
    if abs(skew) > LARGEST_SKEW * fx:
        raise CaptureError(f"{where}: a skew of {skew:g}, expected square pixels (0)")
    return as_positive(fx, f"{where}, fx"), as_positive(fy, f"{where}, fy"), cx, cy


def _three_numbers(value: object, where: str) -> tuple[float, float, float]:
    if not isinstance(value, Sequence) or len(value) != 3:
        raise CaptureError(f"{where}: {value!r}, expected three numbers")
    first, second, third = (as_number(entry, where) for entry in value)
    return first, second, third
