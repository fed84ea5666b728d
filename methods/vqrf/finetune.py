"""Joint fine-tuning with the mapping of voxels to codes fixed (VQRF §5.2)."""

from dataclasses import dataclass

from torch import Tensor

from methods.vqrf.shared_codes import SharedCodes, feature_quantizer
from nerfzip.data.scene import Scene
from nerfzip.errors import require_setting
from nerfzip.fields import ColourMLP, VoxelField
from nerfzip.progress import track
from nerfzip.quantization.networks import quantize_while_training, stop_quantizing
from nerfzip.training.losses import LossWeights
from nerfzip.training.ray_sampler import RaySampler
from nerfzip.training.voxel_trainer import LearningRates, VoxelTrainer


@dataclass(frozen=True)
class FinetuneSettings:
    """Of the joint fine-tuning.

    Attributes:
        iterations: 0 leaves the fine-tuning out (an ablation of the paper's Table 5), except that each code becomes the
            mean of its voxels.
        rays: a step.
        synchronise_every: iterations between two synchronisations of the codes (i in the paper).
        learning_rates, loss_weights: see their classes.
    """

    iterations: int
    rays: int
    synchronise_every: int
    learning_rates: LearningRates
    loss_weights: LossWeights

    def __post_init__(self) -> None:
        require_setting(self.iterations >= 0, "method.finetuning.iterations", self.iterations, "at least 0")
        for name in ("rays", "synchronise_every"):
            require_setting(getattr(self, name) >= 1, f"method.finetuning.{name}", getattr(self, name), "at least 1")


def finetune(
    field: VoxelField,
    scene: Scene,
    kept: Tensor,
    codes: SharedCodes,
    settings: FinetuneSettings,
    steps_per_deviation: float,
    quantize_codebook: bool,
    quantize_decoder: bool,
) -> None:
    """Train densities, kept features, codes and decoder of a pruned field in place; it ends synchronised.

    Pruned voxels keep their value, so that what is trained is what is stored.

    Args:
        kept: flat indices of the voxels with features of their own.
        quantize_codebook, quantize_decoder: train with the values that the 8-bit forms decode to.
    """
    assert isinstance(field.decoder, ColourMLP)
    if quantize_decoder:
        quantize_while_training(field.decoder.layers)

    def synchronise() -> None:
        quantizer = feature_quantizer(field, kept, codes, steps_per_deviation) if quantize_codebook else None
        codes.synchronise(field, quantizer)

    if settings.iterations > 0:
        trainer = VoxelTrainer(
            field,
            RaySampler(scene.train.cameras, scene.train.images(scene.background), field),
            settings.learning_rates,
            settings.loss_weights,
            settings.rays,
            trainable=field.occupancy.mask,
        )
        for iteration in track(range(settings.iterations), "fine-tuning", settings.iterations):
            if iteration % settings.synchronise_every == 0:
                synchronise()
            trainer.step(iteration)
    synchronise()
    if quantize_decoder:
        stop_quantizing(field.decoder.layers)
