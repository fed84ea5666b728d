"""Losses on a rendered bundle of rays (DVGO; sheet vqrf.md §2)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from nerfzip.errors import require_setting
from nerfzip.fields.voxel_field import RenderedSamples


@dataclass(frozen=True)
class LossWeights:
    """Factors of the losses; zero leaves one out.

    Attributes:
        photometric: mean squared error of the pixels.
        background_entropy: binary entropy of the light that passes, which pushes rays to be opaque or empty.
        per_point_rgb: squared error of each sample's colour against its pixel, by weight; needs colours by sample.
        density_variation, feature_variation: total variation of the grids at the voxels that the rays touch.
        variation_every: iterations between two gradients of total variation.
    """

    photometric: float = 1.0
    background_entropy: float = 0.0
    per_point_rgb: float = 0.0
    density_variation: float = 0.0
    feature_variation: float = 0.0
    variation_every: int = 1

    def __post_init__(self) -> None:
        require_setting(self.variation_every >= 1, "loss_weights.variation_every", self.variation_every, "at least 1")


SMALLEST = 1e-6


def total_loss(rendered: RenderedSamples, target: Float[Tensor, "rays 3"], weights: LossWeights) -> Float[Tensor, ""]:
    """The weighted sum."""
    loss = weights.photometric * (rendered.rgb - target).square().mean()
    if weights.background_entropy > 0:
        passed = rendered.transmittance.clamp(SMALLEST, 1 - SMALLEST)
        entropy = -(passed * passed.log() + (1 - passed) * (1 - passed).log())
        loss = loss + weights.background_entropy * entropy.mean()
    if weights.per_point_rgb > 0 and rendered.sample_rgb is not None:
        error = (rendered.sample_rgb - target[rendered.ray_indices]).square().sum(dim=-1)
        loss = loss + weights.per_point_rgb * (rendered.weights.detach() * error).sum() / len(target)
    return loss
