"""The second stage of a frame: what changed besides the motion (sheet baselines.md §4, "Residual")."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from methods.rerf.key_frame import occupied_voxels
from methods.rerf.model import Frame, VideoModel, grids_of, with_grids
from methods.rerf.warp import warped
from nerfzip.data.scene import Scene
from nerfzip.errors import ConfigError, require_setting
from nerfzip.fields import VoxelField
from nerfzip.fields.voxel_field import Gradients
from nerfzip.kernels import add_absolute_deviation
from nerfzip.progress import track
from nerfzip.sampling.occupancy import Occupancy
from nerfzip.training.losses import LossWeights
from nerfzip.training.ray_sampler import RaySampler
from nerfzip.training.voxel_trainer import LearningRates, VoxelTrainer

DENSITY_STARTS = ("scratch", "warped")


@dataclass(frozen=True)
class ResidualSettings:
    """Of training a frame after the first.

    Attributes:
        iterations, rays: how long, and rays a step.
        density_start: "scratch" (ReRF), or "warped": from the previous frame's, moved.
        feature_deviation: weight of the mean absolute residual of the features (1e-2 in ReRF).
        density_deviation: the same of the density, if it starts warped (0 in ReRF).
        occupied_alpha: as of the key frame.
        learning_rates, loss_weights: see their classes; the colour network is not trained.
    """

    iterations: int
    rays: int
    density_start: str
    feature_deviation: float
    density_deviation: float
    occupied_alpha: float
    learning_rates: LearningRates
    loss_weights: LossWeights

    def __post_init__(self) -> None:
        require_setting(self.iterations >= 0, "method.base.residual.iterations", self.iterations, "at least 0")
        require_setting(self.rays >= 1, "method.base.residual.rays", self.rays, "at least 1")
        if self.density_start not in DENSITY_STARTS:
            expected = " or ".join(DENSITY_STARTS)
            raise ConfigError(f"method.base.residual.density_start: {self.density_start!r}, expected {expected}")


def fit_residual(
    model: VideoModel,
    scene: Scene,
    motion: Float[Tensor, "bx by bz 3"],
    hull: Bool[Tensor, "x y z"],
    hull_before: Bool[Tensor, "x y z"],
    settings: ResidualSettings,
) -> Frame:
    """Train the frame that follows the model's last one, from that one moved.

    Args:
        scene: the new frame.
        hull, hull_before: where the new frame, and the one before, can have anything.
    """
    field = with_grids(model.template, warped(model.frames[-1].grid(), motion, hull), hull)
    if settings.density_start == "scratch":
        field.density.data[hull] = 0.0
    else:
        # Only what is above the threshold gets gradients: space that was empty for sure begins as fog.
        appeared = hull & ~hull_before
        field.density.data[appeared] = field.density.data[appeared].clamp(min=0.0)
    base_density, base_features = field.density.data.clone(), field.features.data.clone()
    elements = settings.feature_deviation / base_features.numel(), settings.density_deviation / base_density.numel()

    def pull_to_base(gradients: Gradients) -> None:
        add_absolute_deviation(field.features, base_features, gradients.features, elements[0])
        if elements[1] > 0:
            add_absolute_deviation(field.density, base_density, gradients.density, elements[1])

    field.decoder.requires_grad_(False)
    trainer = VoxelTrainer(
        field,
        RaySampler(scene.train.cameras, scene.train.images(scene.background), field),
        settings.learning_rates,
        settings.loss_weights,
        settings.rays,
        on_gradients=pull_to_base,
    )
    for iteration in track(range(settings.iterations), "residual", settings.iterations):
        trainer.step(iteration)
    field.occupancy = Occupancy.of(occupied_voxels(field, hull, settings.occupied_alpha))
    return frame_of(field, motion)


def frame_of(field: VoxelField, motion: Float[Tensor, "bx by bz 3"] | None) -> Frame:
    """What is kept of a trained field."""
    occupied = field.occupancy.mask > 0
    return Frame(occupied, grids_of(field)[occupied], motion)
