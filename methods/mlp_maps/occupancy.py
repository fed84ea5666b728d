"""Each frame's box, and which voxels of it are worth looking at (paper §3.3; sheet mlp_maps.md §3)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from methods.mlp_maps.field import FrameField
from nerfzip.data.scene import VolumetricScene
from nerfzip.errors import CaptureError, require_setting
from nerfzip.geometry import Box
from nerfzip.training.hull import HullSettings, hull_of

POINTS_AT_ONCE = 2**16
EVERYWHERE = (1, 1, 1)
"""A volume of one voxel, always occupied: nothing is skipped."""


@dataclass(frozen=True)
class OccupancySettings:
    """Of finding what is occupied.

    Attributes:
        resolution: voxels along each axis of a frame's box.
        points: looked at in each voxel, along each axis; the outermost lie on its faces.
        threshold: a voxel is occupied if the raw density at one of them is higher.
    """

    resolution: tuple[int, int, int]
    points: int
    threshold: float

    def __post_init__(self) -> None:
        found = list(self.resolution)
        require_setting(len(found) == 3, "method.base.occupancy.resolution", found, "three numbers")
        for count in self.resolution:
            require_setting(2 <= count <= 256, "method.base.occupancy.resolution", count, "from 2 to 256")
        require_setting(2 <= self.points <= 16, "method.base.occupancy.points", self.points, "from 2 to 16")
        require_setting(self.threshold >= 0, "method.base.occupancy.threshold", self.threshold, "at least 0")


def frame_boxes(video: VolumetricScene, resolution: int, settings: HullSettings | None) -> list[Box]:
    """Around what each frame shows: as the capture says, or else its visual hull; without that the video's box.

    Corners are float32, as in files.

    Args:
        resolution: voxels along the longest side of the video's box, of which the hull is made.

    Raises:
        CaptureError: a box is empty.
    """
    boxes = _frame_boxes(video, resolution, settings)
    for index, box in enumerate(boxes):
        # False for NaN too.
        if not all(side > 0 for side in box.size):
            where = f"{video.name}: frame {index}"
            raise CaptureError(f"{where}: a box from {box.minimum} to {box.maximum}, expected one with an inside")
    return boxes


def _frame_boxes(video: VolumetricScene, resolution: int, settings: HullSettings | None) -> list[Box]:
    if video.frame_boxes is not None:
        return [_as_stored(box) for box in video.frame_boxes]
    if settings is None:
        return [_as_stored(video.box)] * len(video)
    size = torch.tensor(video.box.size, dtype=torch.float64)
    counts = (size / size.max() * resolution).round().clamp(min=2).long()
    grid = (int(counts[0]), int(counts[1]), int(counts[2]))
    spacing, low = size / (counts - 1), torch.tensor(video.box.minimum, dtype=torch.float64)
    boxes = []
    for index, frame in enumerate(video.frames):
        voxels = hull_of(frame, video.box, grid, settings, index).nonzero()
        box = Box.from_tensors(low + (voxels.amin(0) - 0.5) * spacing, low + (voxels.amax(0) + 0.5) * spacing)
        boxes.append(_as_stored(box))
    return boxes


def _as_stored(box: Box) -> Box:
    """Corners as float32, which a file has."""
    return Box.from_tensors(*torch.tensor([*box.minimum, *box.maximum]).split(3))


def hulls(
    video: VolumetricScene, boxes: list[Box], resolution: tuple[int, int, int], settings: HullSettings | None
) -> list[Bool[Tensor, "x y z"]]:
    """The voxels of each frame's box that may hold something; all without settings, or where nothing is skipped."""
    if settings is None or resolution == EVERYWHERE:
        return [torch.ones(resolution, dtype=torch.bool)] * len(video)
    frames = zip(video.frames, boxes, strict=True)
    return [
        hull_of(frame, voxel_centres(box, resolution), resolution, settings, index)
        for index, (frame, box) in enumerate(frames)
    ]


def voxel_centres(box: Box, resolution: tuple[int, int, int]) -> Box:
    """From the centre of the first voxel to that of the last, of voxels that fill a box."""
    low, size = torch.tensor(box.minimum), torch.tensor(box.size)
    half = size / torch.tensor(resolution) / 2
    return Box.from_tensors(low + half, low + size - half)


@torch.no_grad()
def occupied(
    field: FrameField, candidates: Bool[Tensor, "x y z"], settings: OccupancySettings
) -> Bool[Tensor, "x y z"]:
    """Which of the candidates hold a density above the threshold."""
    voxels = candidates.nonzero()
    line = torch.linspace(0, 1, settings.points)
    offsets = torch.cartesian_prod(line, line, line)
    resolution = torch.tensor(candidates.shape)
    mask = torch.zeros_like(candidates)
    for part in voxels.split(max(POINTS_AT_ONCE // len(offsets), 1)):
        positions = ((part[:, None] + offsets) / resolution).flatten(0, 1)
        highest: Float[Tensor, voxels] = field.density(positions)[0].view(len(part), len(offsets)).amax(dim=1)
        x, y, z = part[highest > settings.threshold].unbind(dim=1)
        mask[x, y, z] = True
    return mask
