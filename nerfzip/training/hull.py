"""Where a frame can have anything, as far as its foreground masks tell."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.data.visual_hull import carve
from nerfzip.errors import require_setting
from nerfzip.geometry import Box
from nerfzip.sampling.occupancy import dilated_maximum


@dataclass(frozen=True)
class HullSettings:
    """Of carving the visual hull; see `carve`.

    Attributes:
        fewest_views: voxels that fewer training cameras see are empty.
        misses: so many views may see no foreground at a voxel that stays.
    """

    fewest_views: int
    misses: int

    def __post_init__(self) -> None:
        require_setting(self.fewest_views >= 0, "hull.fewest_views", self.fewest_views, "at least 0")
        require_setting(self.misses >= 0, "hull.misses", self.misses, "at least 0")


def hull_of(
    scene: Scene, box: Box, resolution: tuple[int, int, int], settings: HullSettings, frame: int
) -> Bool[Tensor, "x y z"]:
    """The voxels of the visual hull, and their neighbours, between which samples are interpolated.

    Args:
        box: the centres of its corner voxels are its corners.
    """
    fewest = min(settings.fewest_views, len(scene.train))
    where = f"{scene.name}: frame {frame}"
    hull = carve(scene.train, box, resolution, fewest, settings.misses, frame=where)
    return dilated_maximum(torch.from_numpy(hull).to(scene.train.cameras.device, torch.uint8)) > 0
