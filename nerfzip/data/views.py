"""From poses, intrinsics and image files to `Views`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.data.images import Rgba, check_size, downscale_rgba, read_rgba
from nerfzip.data.scene import Views
from nerfzip.errors import CaptureError
from nerfzip.geometry import Cameras

Intrinsics = tuple[float, float, float, float]
Size = tuple[int, int]


@dataclass(frozen=True)
class ImageFiles:
    """Reads view `index` from disk each time it is called.

    Attributes:
        size: width and height of the files.
        undistort: applied to the image before downscaling.
        downscale: factor of the area filter.
    """

    paths: tuple[Path, ...]
    size: Size
    undistort: Callable[[Rgba], Rgba] | None
    downscale: int

    def __call__(self, index: int) -> Rgba:
        rgba = read_rgba(self.paths[index], *self.size)
        if self.undistort is not None:
            rgba = self.undistort(rgba)
        return downscale_rgba(rgba, self.downscale)


def make_cameras(
    poses: Sequence[Float[Tensor, "4 4"]], intrinsics: Intrinsics | Sequence[Intrinsics], size: Size, downscale: int
) -> Cameras:
    """Cameras of one image size, after downscaling.

    Args:
        poses: camera-to-world with OpenCV axes.
        intrinsics: fx, fy, cx, cy in pixels before downscaling: those of all cameras, or of each.
        size: width and height before downscaling.

    Raises:
        CaptureError: `downscale` leaves nothing of the images.
    """
    width, height = size
    if downscale > min(size):
        raise CaptureError(f"downscale: {downscale} for images of {width}×{height}, expected at most the shorter side")
    scaled = torch.tensor(intrinsics, dtype=torch.float64).expand(len(poses), 4) / downscale
    camera_to_world = torch.stack(list(poses)).float()
    return Cameras(camera_to_world, scaled.float(), width // downscale, height // downscale)


def make_views(
    cameras: Cameras,
    names: Sequence[str],
    paths: Sequence[Path],
    size: Size,
    downscale: int,
    undistort: Callable[[Rgba], Rgba] | None = None,
) -> Views:
    """Views of cameras from `make_cameras`. Every file's header is checked now, its pixels when they are read.

    Args:
        size: width and height that every file must have.

    Raises:
        CaptureError: an image is missing or of another size.
    """
    for path in paths:
        check_size(path, *size)
    return Views(cameras, tuple(names), ImageFiles(tuple(paths), size, undistort, downscale))
