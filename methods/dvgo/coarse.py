"""DVGO's coarse stage: where in the box is anything? (sheet vqrf.md §2)"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.errors import TrainingError, require_setting
from nerfzip.fields import DirectColour, Shading, VoxelField, VoxelGeometry
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.geometry import Box, Cameras
from nerfzip.progress import track
from nerfzip.sampling.occupancy import Occupancy, dilated_maximum
from nerfzip.training.losses import LossWeights
from nerfzip.training.ray_sampler import RaySampler
from nerfzip.training.voxel_trainer import LearningRates, VoxelTrainer

EMPTY = -100.0
"""Raw density of space that is known to be empty."""


@dataclass(frozen=True)
class CoarseSettings:
    """Of the coarse stage.

    Attributes:
        voxels: budget of voxels for the scene's box.
        iterations, rays: how long, and rays a step.
        alpha_init: opacity of a step of one voxel at the start.
        step_ratio: length of a step, in voxels.
        occupied_alpha: voxels more opaque than this over one voxel, and their neighbours, go on to the fine stage.
        box_margin: the fine box is the occupied one enlarged by this factor.
        fewest_views: voxels that fewer training cameras see are left out.
        learning_rates, loss_weights, thresholds: see their classes.
    """

    voxels: int
    iterations: int
    rays: int
    alpha_init: float
    step_ratio: float
    occupied_alpha: float
    box_margin: float
    fewest_views: int
    learning_rates: LearningRates
    loss_weights: LossWeights
    thresholds: Thresholds

    def __post_init__(self) -> None:
        for name in ("voxels", "rays"):
            require_setting(getattr(self, name) >= 1, f"method.base.coarse.{name}", getattr(self, name), "at least 1")
        require_setting(self.iterations >= 0, "method.base.coarse.iterations", self.iterations, "at least 0")
        require_setting(self.step_ratio > 0, "method.base.coarse.step_ratio", self.step_ratio, "more than 0")
        require_setting(0 < self.alpha_init < 1, "method.base.coarse.alpha_init", self.alpha_init, "between 0 and 1")


def voxel_size_of(box: Box, voxels: int) -> float:
    """Edge of a voxel when `voxels` of them fill the box."""
    return (math.prod(box.size) / voxels) ** (1 / 3)


def shift_of(alpha_init: float) -> float:
    """The shift that gives raw density 0 this opacity over one voxel."""
    return math.log(1 / (1 - alpha_init) - 1)


def voxel_centres(geometry: VoxelGeometry) -> Float[Tensor, "x y z 3"]:
    low, high = geometry.box.minimum, geometry.box.maximum
    axes = [torch.linspace(low[i], high[i], geometry.resolution[i]) for i in range(3)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def view_counts(
    points: Float[Tensor, "points 3"], cameras: Cameras, near: float
) -> tuple[Float[Tensor, "points"], Bool[Tensor, "points"]]:
    """How many cameras see each point, and whether it lies within `near` of any camera."""
    counts = torch.zeros(len(points))
    too_near = torch.zeros(len(points), dtype=torch.bool)
    for camera in range(len(cameras)):
        column, row, depth = cameras.project(points, camera).unbind(-1)
        inside = (column >= 0) & (column <= cameras.width) & (row >= 0) & (row <= cameras.height)
        counts += inside & (depth > 0)
        too_near |= (points - cameras.camera_to_world[camera, :3, 3]).square().sum(dim=-1) < near**2
    return counts, too_near


def fit_coarse(scene: Scene, images: UInt8[Tensor, "views h w 3"], settings: CoarseSettings) -> VoxelField:
    """A coarse field of plain colours over the scene's box; its occupancy says what is worth a fine look."""
    voxel_size = voxel_size_of(scene.box, settings.voxels)
    geometry = VoxelGeometry(scene.box, voxel_size, voxel_size, settings.step_ratio)
    field = VoxelField(
        geometry,
        3,
        DirectColour(),
        Shading.SAMPLE,
        shift_of(settings.alpha_init),
        settings.thresholds,
        scene.background,
        scene.near,
    )
    cameras = scene.train.cameras
    counts, too_near = view_counts(voxel_centres(geometry).reshape(-1, 3), cameras, scene.near)
    seen = ((counts >= min(settings.fewest_views, len(cameras))) & ~too_near).reshape(geometry.resolution)
    field.density.data[~seen] = EMPTY
    field.occupancy = Occupancy.of(seen)
    trainer = VoxelTrainer(
        field,
        RaySampler(cameras, images),
        settings.learning_rates,
        settings.loss_weights,
        settings.rays,
        (counts / counts.max().clamp(min=1)).reshape(geometry.resolution),
    )
    for iteration in track(range(settings.iterations), "coarse", settings.iterations):
        trainer.step(iteration)
    opaque = dilated_maximum(field.alpha_of_voxels(1.0)) > settings.occupied_alpha
    if not bool((opaque & seen).any()):
        raise TrainingError(
            f"{scene.name}: the coarse stage found nothing in the box {scene.box.minimum} … {scene.box.maximum};"
            " check the box, the poses and the background"
        )
    field.occupancy = Occupancy.of(opaque & seen)
    return field
