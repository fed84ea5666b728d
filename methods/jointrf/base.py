"""What JointRF starts from: the coefficient × basis fields of all frames, fitted without quantization."""

import logging
from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor

from methods.jointrf.distillation import Distillation, distil
from methods.jointrf.grids import FrameGrids
from methods.jointrf.training import Schedule, train_frame
from nerfzip.data.scene import VolumetricScene
from nerfzip.errors import require_setting
from nerfzip.fields.basis_field import Shading
from nerfzip.fields.basis_geometry import BasisBudget
from nerfzip.fields.basis_header import MOST_OCCUPANCY_VOXELS, BasisDescription
from nerfzip.fields.basis_networks import NetworkSizes
from nerfzip.geometry import Box
from nerfzip.training.ray_sampler import RaySampler
from nerfzip.training.teacher import teacher_of

MOST_OCCUPANCY = int(MOST_OCCUPANCY_VOXELS ** (1 / 3))
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FittedFrame:
    """The grids of a frame.

    Attributes:
        mask: voxels that are worth sampling.
        bases: of a key frame its basis, of another what it adds to its key frame's.
    """

    mask: Bool[Tensor, "x y z"]
    coefficients: Float[Tensor, "x y z channels"]
    bases: list[Float[Tensor, "_ _ _ _"]]


@dataclass(frozen=True)
class FittedVideo:
    """All frames, and the networks that they share. `group`: frames in a GOF."""

    description: BasisDescription
    group: int
    networks: dict[str, Tensor]
    frames: list[FittedFrame]

    def key(self, index: int) -> int:
        """The key frame of a frame."""
        return index - index % self.group

    def bases(self, index: int) -> list[Float[Tensor, "_ _ _ _"]]:
        """The basis of a frame: its key frame's, and what it adds to it."""
        own, key = self.frames[index].bases, self.key(index)
        if index == key:
            return own
        return [basis + residual for basis, residual in zip(self.frames[key].bases, own, strict=True)]


class BasisVideo:
    """Fits frame after frame, each from the one before. The networks learn with the first frame, then stay.

    Args:
        teacher: fits a voxel field to each frame, which says where there is anything to see.
        seen_weight: share in a pixel's colour of what is worth to be seen.
        budget, networks, shading: of the fields.
        occupancy: voxels of the mask of a frame along the longest side of its box.
        group: frames in a GOF.
        basis_scale: largest magnitude in a basis grid at the start.
        first_distillation, distillation: from the teacher of the first frame and of others.
        first, further: of the training of the first frame and of others.
        residual: weight of Σ|R| per training pixel.
    """

    def __init__(
        self,
        teacher: Any,
        seen_weight: float,
        budget: BasisBudget,
        networks: NetworkSizes,
        shading: Shading,
        occupancy: int,
        group: int,
        basis_scale: float,
        first_distillation: Distillation,
        distillation: Distillation,
        first: Schedule,
        further: Schedule,
        residual: float,
    ) -> None:
        require_setting(group >= 1, "method.base.group", group, "at least 1")
        require_setting(2 <= occupancy <= MOST_OCCUPANCY, "method.base.occupancy", occupancy, f"2 to {MOST_OCCUPANCY}")
        self.teacher = teacher
        self.seen_weight = seen_weight
        self.budget = budget
        self.networks = networks
        self.shading = shading
        self.occupancy = occupancy
        self.group = group
        self.basis_scale = basis_scale
        self.first_distillation = first_distillation
        self.distillation = distillation
        self.first = first
        self.further = further
        self.residual = residual

    def fit(self, video: VolumetricScene) -> FittedVideo:
        resolution = occupancy_resolution(video.box, self.occupancy)
        geometry = self.budget.geometry(video.box)
        near = video.frames[0].near
        description = BasisDescription(geometry, self.networks, resolution, self.shading, video.background, near)
        networks = description.new_networks()
        group = min(self.group, len(video))
        grids = FrameGrids.initial(geometry, self.basis_scale)
        frames: list[FittedFrame] = []
        for index, scene in enumerate(video.frames):
            _log.info("frame %d of %d", index + 1, len(video))
            is_key = index % group == 0
            if index:
                grids = grids.as_key() if is_key else grids.following()
            teacher = teacher_of(self.teacher.fit(scene), scene, scene.box, resolution, self.seen_weight)
            field = description.field(grids.unquantized(), networks, teacher.seen)
            trained = networks if index == 0 else None
            distillation = self.distillation if index else self.first_distillation
            distil(field, grids, teacher, scene.train.cameras, distillation, f"frame {index}, distillation", trained)
            field.refresh_proposal()
            sampler = RaySampler(scene.train.cameras, scene.train.images(scene.background), field)
            schedule = self.further if index else self.first
            train_frame(field, grids, sampler, schedule, f"frame {index}", trained, residual=self.residual)
            networks.requires_grad_(False)
            bases = [basis.detach().clone() for basis in grids.bases]
            frames.append(FittedFrame(field.occupancy.mask > 0, grids.coefficients.detach().clone(), bases))
        return FittedVideo(description, group, networks.state_dict(), frames)


def occupancy_resolution(box: Box, voxels: int) -> tuple[int, int, int]:
    """Of a mask with `voxels` along the longest side of a box, and voxels that are about cubes."""
    x, y, z = (max(2, round(voxels * side / max(box.size))) for side in box.size)
    return x, y, z
