"""Frame 0: density, features and the colour network that all frames share (sheet baselines.md §4)."""

import math
from dataclasses import dataclass, replace

from jaxtyping import Bool
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.errors import TrainingError, require_setting
from nerfzip.fields import ColourMLP, Shading, VoxelField, VoxelGeometry
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.kernels.marching import density_of_alpha
from nerfzip.progress import track
from nerfzip.sampling.occupancy import Occupancy, dilated_maximum
from nerfzip.training.growth import grow
from nerfzip.training.hull import HullSettings, hull_of
from nerfzip.training.losses import LossWeights
from nerfzip.training.ray_sampler import RaySampler
from nerfzip.training.voxel_trainer import LearningRates, VoxelTrainer


@dataclass(frozen=True)
class KeyFrameSettings:
    """Of the first frame's training, and of the field that all frames share.

    Attributes:
        voxels: budget of the finished grid.
        channels: features per voxel.
        growth_at: iterations at which the grid grows.
        growth_factor: by which the number of voxels grows each time.
        shift_per_growth: what the density loses each time (1.3 in ReRF).
        iterations, rays: how long, and rays a step.
        alpha_init: opacity over one voxel at the start, within the visual hull.
        step_ratio: length of a step, in voxels.
        refresh_every: iterations after which faint voxels leave the occupancy (0: not before the end).
        occupied_alpha: they leave when neither they nor a neighbour are more opaque than this over one voxel.
        learning_rates, loss_weights, thresholds: see their classes.
    """

    voxels: int
    channels: int
    growth_at: list[int]
    growth_factor: float
    shift_per_growth: float
    iterations: int
    rays: int
    alpha_init: float
    step_ratio: float
    refresh_every: int
    occupied_alpha: float
    learning_rates: LearningRates
    loss_weights: LossWeights
    thresholds: Thresholds

    def __post_init__(self) -> None:
        where = "method.base.key_frame"
        for name in ("voxels", "rays", "channels"):
            require_setting(getattr(self, name) >= 1, f"{where}.{name}", getattr(self, name), "at least 1")
        for name in ("iterations", "refresh_every"):
            require_setting(getattr(self, name) >= 0, f"{where}.{name}", getattr(self, name), "at least 0")
        require_setting(self.step_ratio > 0, f"{where}.step_ratio", self.step_ratio, "more than 0")
        require_setting(self.growth_factor > 1, f"{where}.growth_factor", self.growth_factor, "more than 1")
        threshold = self.thresholds.alpha
        require_setting(threshold > 0, f"{where}.thresholds.alpha", threshold, "more than 0: it is that of empty space")
        expected = f"more than thresholds.alpha ({threshold}), less than 1"
        require_setting(threshold < self.alpha_init < 1, f"{where}.alpha_init", self.alpha_init, expected)
        ascending = self.growth_at == sorted(set(self.growth_at))
        possible = all(0 < at < self.iterations for at in self.growth_at)
        expected = f"ascending iterations before the last ({self.iterations})"
        require_setting(ascending and possible, f"{where}.growth_at", self.growth_at, expected)


def fit_key_frame(
    scene: Scene, decoder: ColourMLP, settings: KeyFrameSettings, hull_settings: HullSettings
) -> VoxelField:
    """The finished field of frame 0, with torch's global generator."""
    box = scene.box
    final_size = (math.prod(box.size) / settings.voxels) ** (1 / 3)
    sizes = [final_size * settings.growth_factor ** (left / 3) for left in range(len(settings.growth_at), -1, -1)]
    geometry = VoxelGeometry(box, sizes.pop(0), final_size, settings.step_ratio)
    shift = density_of_alpha(settings.alpha_init, shift=0.0, interval=1.0)
    field = VoxelField(
        geometry,
        settings.channels,
        decoder,
        Shading.SAMPLE,
        shift,
        settings.thresholds,
        scene.background,
        scene.near,
    )
    hull = hull_of(scene, geometry.box, geometry.resolution, hull_settings, frame=0)
    field.occupancy = Occupancy.of(hull)
    images = scene.train.images(scene.background)
    sampler = RaySampler(scene.train.cameras, images, field)
    trainer = VoxelTrainer(field, sampler, settings.learning_rates, settings.loss_weights, settings.rays)
    for iteration in track(range(settings.iterations), "key frame", settings.iterations):
        if iteration in settings.growth_at:
            mask = occupied_voxels(field, hull, settings.occupied_alpha)
            field = grow(field, replace(field.geometry, voxel_size=sizes.pop(0)), mask)
            field.density.data -= settings.shift_per_growth
            hull = hull_of(scene, field.geometry.box, field.geometry.resolution, hull_settings, frame=0)
            field.occupancy = Occupancy.of((field.occupancy.mask > 0) & hull)
            sampler.refilter(field)
            trainer.move_to(field)
        elif settings.refresh_every and iteration % settings.refresh_every == settings.refresh_every // 2:
            field.occupancy = Occupancy.of(occupied_voxels(field, hull, settings.occupied_alpha))
        trainer.step(iteration)
    field.occupancy = Occupancy.of(occupied_voxels(field, hull, settings.occupied_alpha))
    return field


def occupied_voxels(field: VoxelField, hull: Bool[Tensor, "x y z"], occupied_alpha: float) -> Bool[Tensor, "x y z"]:
    """The voxels of the hull that are not faint, or have a neighbour that is not."""
    alpha = field.alpha_of_voxels(field.geometry.voxel_size / field.geometry.final_voxel_size)
    occupied = (dilated_maximum(alpha) > occupied_alpha) & hull
    if not bool(occupied.any()):
        raise TrainingError(
            f"no voxel is more opaque than {occupied_alpha} any more: the grid is empty;"
            " lower the density's learning rate"
        )
    return occupied
