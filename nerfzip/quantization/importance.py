"""Which voxels to drop, which to share codes, which to keep as they are (VQRF, Eq. 5, 6, 10; spec sheet §3.2)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.errors import ConfigError, TrainingError


@dataclass(frozen=True)
class VoxelClasses:
    """Three masks; each voxel is in exactly one.

    Attributes:
        pruned: stored nowhere, empty space.
        vector_quantized: their features are codes of the codebook.
        kept: the most important ones, with features of their own.
    """

    pruned: Bool[Tensor, "*voxels"]
    vector_quantized: Bool[Tensor, "*voxels"]
    kept: Bool[Tensor, "*voxels"]


def classify_voxels(importance: Float[Tensor, "*voxels"], prune: float, keep: float) -> VoxelClasses:
    """Prune the voxels with the lowest `prune` of the total importance, keep those with the top `keep` of it.

    This is the meaning of β_p and β_k in the authors' code and tables: β_k = 0.6 keeps the voxels that hold the top
    60 %. (The paper's Eq. 10, read by the letter, would keep the top 40 %.)

    Args:
        importance: Σ of ray weights, at least 0.
        prune: β_p in [0, 1]; 0 prunes the voxels without any importance alone (as the paper's sizes for β_p = 0 show).
        keep: β_k in [0, 1]; 0 keeps none, 1 keeps all that are not pruned.
    """
    pruned = importance <= cumulative_threshold(importance, 1 - prune)
    kept = (importance > cumulative_threshold(importance, keep)) & ~pruned
    return VoxelClasses(pruned, ~(pruned | kept), kept)


def cumulative_threshold(importance: Float[Tensor, "*voxels"], fraction: float) -> float:
    """θ such that the voxels with importance > θ hold the top `fraction` of the total importance.

    With the voxels in ascending order, θ is the first importance at which the running sum exceeds 1 − fraction of the
    total. So voxels > θ hold less than `fraction`, voxels ≥ θ at least that. Fraction 1 gives 0 (all with any
    importance are above), fraction 0 the maximum (none is).

    Raises:
        ConfigError: the fraction lies outside [0, 1].
        TrainingError: there is no voxel, or an importance is negative or not finite.
    """
    if not 0 <= fraction <= 1:
        raise ConfigError(f"the fraction {fraction} of the importance, expected a number from 0 to 1")
    if importance.numel() == 0 or not bool((torch.isfinite(importance) & (importance >= 0)).all()):
        raise TrainingError("the importance of the voxels must be finite, at least 0, and of one voxel or more")
    if fraction == 1:
        return 0.0
    ascending = importance.reshape(-1).sort().values
    running_sum = ascending.double().cumsum(0)
    first_above = int(torch.searchsorted(running_sum, (1 - fraction) * running_sum[-1], right=True))
    return float(ascending[min(first_above, len(ascending) - 1)])
