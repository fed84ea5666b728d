"""DVGO's fine stage: a growing grid with a colour network (sheet vqrf.md §2)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from methods.dvgo.coarse import shift_of, voxel_size_of
from nerfzip.data.scene import Scene
from nerfzip.errors import TrainingError, require_setting
from nerfzip.fields import Shading, VoxelField, VoxelGeometry
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.geometry import Box
from nerfzip.kernels.marching import inverse_softplus
from nerfzip.progress import track
from nerfzip.sampling.occupancy import Occupancy, dilated_maximum
from nerfzip.training.growth import grow
from nerfzip.training.losses import LossWeights
from nerfzip.training.ray_sampler import RaySampler
from nerfzip.training.voxel_trainer import LearningRates, VoxelTrainer

OnStep = Callable[[int, VoxelField], None]


@dataclass(frozen=True)
class FineSettings:
    """Of the fine stage.

    Attributes:
        voxels: budget of the finished grid.
        channels: features per voxel.
        growth_at: iterations at which the grid grows.
        growth_factor: by which the number of voxels grows each time.
        shift_per_growth: what the activation's shift loses each time (1 in DVGO).
        restart_at_growth: the optimiser and its learning rates start anew each time (DVGO), or only the grids' moments.
        inherit_density: start from the coarse stage's density instead of uniform fog.
        iterations, rays: how long, and rays a step.
        alpha_init: opacity of a step of one voxel at the start.
        step_ratio: length of a step, in voxels.
        refresh_at: iterations at which faint voxels leave the occupancy.
        refresh_every: and every so many iterations (0: not).
        occupied_alpha: they leave when neither they nor a neighbour are more opaque than this over one voxel.
        learning_rates, loss_weights, thresholds: see their classes.
    """

    voxels: int
    channels: int
    growth_at: list[int]
    growth_factor: float
    shift_per_growth: float
    restart_at_growth: bool
    inherit_density: bool
    iterations: int
    rays: int
    alpha_init: float
    step_ratio: float
    refresh_at: list[int]
    refresh_every: int
    occupied_alpha: float
    learning_rates: LearningRates
    loss_weights: LossWeights
    thresholds: Thresholds

    def __post_init__(self) -> None:
        require_setting(self.iterations >= 0, "method.base.fine.iterations", self.iterations, "at least 0")
        for name in ("voxels", "rays", "channels"):
            require_setting(getattr(self, name) >= 1, f"method.base.fine.{name}", getattr(self, name), "at least 1")
        require_setting(self.step_ratio > 0, "method.base.fine.step_ratio", self.step_ratio, "more than 0")
        require_setting(self.growth_factor > 1, "method.base.fine.growth_factor", self.growth_factor, "more than 1")
        require_setting(0 < self.alpha_init < 1, "method.base.fine.alpha_init", self.alpha_init, "between 0 and 1")
        # A growth that never comes would leave a smaller grid than was asked for.
        ascending = self.growth_at == sorted(set(self.growth_at))
        possible = all(0 < at < self.iterations for at in self.growth_at)
        expected = f"ascending iterations before the last ({self.iterations})"
        require_setting(ascending and possible, "method.base.fine.growth_at", self.growth_at, expected)


def fit_fine(
    scene: Scene,
    images: UInt8[Tensor, "views h w 3"],
    coarse: VoxelField,
    box: Box,
    decoder: nn.Module,
    shading: Shading,
    settings: FineSettings,
    on_step: OnStep | None,
) -> VoxelField:
    """The finished field. `on_step` is called after every iteration with its number, from 1, and the field."""
    final_size = voxel_size_of(box, settings.voxels)
    sizes = [final_size * settings.growth_factor ** (left / 3) for left in range(len(settings.growth_at), -1, -1)]
    geometry = VoxelGeometry(box, sizes.pop(0), final_size, settings.step_ratio)
    field = _first_field(coarse, geometry, decoder, shading, settings)
    sampler = RaySampler(scene.train.cameras, images, field)
    trainer = VoxelTrainer(field, sampler, settings.learning_rates, settings.loss_weights, settings.rays)
    for iteration in track(range(settings.iterations), "fine", settings.iterations):
        if iteration in settings.growth_at:
            field = grow(field, replace(field.geometry, voxel_size=sizes.pop(0)), _opaque(field, settings))
            field.shift -= settings.shift_per_growth
            sampler.refilter(field)
            trainer.move_to(field, iteration if settings.restart_at_growth else None)
        elif iteration in settings.refresh_at or (
            settings.refresh_every and (iteration + settings.refresh_every // 2) % settings.refresh_every == 0
        ):
            field.occupancy = Occupancy.of(_opaque(field, settings))
        trainer.step(iteration)
        if on_step is not None:
            on_step(iteration + 1, field)
    field.occupancy = Occupancy.of(_opaque(field, settings))
    return field


def _first_field(
    coarse: VoxelField, geometry: VoxelGeometry, decoder: nn.Module, shading: Shading, settings: FineSettings
) -> VoxelField:
    field = grow(coarse, geometry, coarse.occupancy.mask > 0)
    fine = VoxelField(
        geometry,
        settings.channels,
        decoder,
        shading,
        shift_of(settings.alpha_init),
        settings.thresholds,
        coarse.background,
        coarse.near,
    )
    fine.occupancy = field.occupancy
    if settings.inherit_density:
        fine.density.data = _converted_density(field, coarse, fine)
    return fine


def _converted_density(field: VoxelField, coarse: VoxelField, fine: VoxelField) -> Float[Tensor, "x y z 1"]:
    """Raw densities that make a world unit as opaque in the fine field's activation as it is in the coarse one's."""
    per_unit = nn.functional.softplus(field.density.data + coarse.shift) / coarse.geometry.final_voxel_size
    activated = per_unit * fine.geometry.final_voxel_size
    return (inverse_softplus(activated) - fine.shift).clamp(min=0.0)


def _opaque(field: VoxelField, settings: FineSettings) -> Tensor:
    """Occupied voxels that are not faint, or have a neighbour that is not."""
    alpha = field.alpha_of_voxels(field.geometry.voxel_size / field.geometry.final_voxel_size)
    opaque = (dilated_maximum(alpha) > settings.occupied_alpha) & (field.occupancy.mask > 0)
    if not bool(opaque.any()):
        raise TrainingError(
            f"no voxel is more opaque than {settings.occupied_alpha} any more: the grid is empty;"
            " lower the density's learning rate or the threshold"
        )
    return opaque
