"""A codebook of feature vectors (VQRF §5.1; its spec sheet, §3.3)."""

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.errors import ConfigError, TrainingError
from nerfzip.kernels.nearest_code import nearest_codes
from nerfzip.progress import track

IDLE_MASS = 0.1
"""A code expires below this share of the mean mass; one that was just moved has some ten iterations to prove itself."""


def train_codebook(
    features: Float[Tensor, "voxels channels"],
    importance: Float[Tensor, "voxels"],
    size: int,
    iterations: int,
    batch: int,
    generator: torch.Generator | None,
    decay: float = 0.8,
    expire: int = 10,
) -> Float[Tensor, "codes channels"]:
    """Cluster the features so that Σ importance · |feature − nearest code|² is small (Eq. 8), by mini-batches.

    Each iteration draws a batch, finds the nearest codes, moves every code to the mean of what was assigned to it in
    this and earlier batches (older ones count `decay` times less each time, Eq. 9), and moves up to `expire` codes that
    have become idle onto features of the batch.

    Where this differs from the paper, each time because the error gets smaller: voxels are drawn in proportion to their
    importance and then count alike, rather than drawn evenly and weighted, which leaves few voxels with a say in each
    batch; only codes below a tenth of the mean mass expire, since a small codebook has no ten codes to spare; they move
    to the features that add most to the error rather than to the most important ones, which mostly have a code by then;
    a code without voxels in a batch stays where it is; and the first codes are features, drawn by importance, rather
    than vectors near zero. If no voxel has any importance, all count alike.

    Args:
        features: finite; importance: at least 0.
        size: number of codes K. With no more voxels than this, every voxel becomes a code and the codebook is smaller.
        iterations, batch: the paper has 1,000 and 10,000; a batch may be larger than the number of voxels.
        generator: on the device of the features; None is the global one. The same state gives the same codebook (on
            the CPU; CUDA adds up in any order).
        decay: λ_d in [0, 1).
        expire: J, the most codes that expire in an iteration.

    Raises:
        ConfigError: a setting out of its range.
        TrainingError: features or importance are not finite, or an importance is negative.
    """
    if size < 1 or batch < 1 or expire < 0 or not 0 <= decay < 1:
        raise ConfigError(
            f"a codebook with size={size}, batch={batch}, expire={expire}, decay={decay}: "
            "expected size and batch of at least 1, expire of at least 0, decay in [0, 1)"
        )
    if not bool(torch.isfinite(features).all() and torch.isfinite(importance).all() and (importance >= 0).all()):
        raise TrainingError("the features and importance of the voxels must be finite, and importance at least 0")
    if len(features) <= size:
        return features.clone()
    if not bool(importance.any()):
        importance = torch.ones_like(importance)

    codebook = features[_draw_distinct(importance, size, generator)]
    mean_mass = batch / size
    mass = torch.full((size,), mean_mass, device=features.device)
    cumulative = importance.double().cumsum(0)
    for _ in track(range(iterations), "codebook", iterations):
        drawn, repeats = _draw(cumulative, batch, generator).unique(return_counts=True)
        vectors, weights = features[drawn], repeats.to(features.dtype)
        codes = nearest_codes(vectors, codebook)
        errors = weights * (vectors - codebook[codes]).square().sum(dim=1)

        batch_mass = torch.zeros_like(mass).index_add_(0, codes, weights)
        batch_sum = torch.zeros_like(codebook).index_add_(0, codes, weights[:, None] * vectors)
        total = decay * mass[:, None] * codebook + (1 - decay) * batch_sum
        mass = decay * mass + (1 - decay) * batch_mass
        codebook = torch.where(batch_mass[:, None] > 0, total / mass[:, None], codebook)

        weakest = mass.topk(min(expire, size, len(drawn)), largest=False)
        idle = weakest.indices[weakest.values < IDLE_MASS * mean_mass]
        codebook[idle] = vectors[errors.topk(len(idle)).indices]
        mass[idle] = mean_mass
    return codebook


def _draw_distinct(weights: Float[Tensor, "items"], count: int, generator: torch.Generator | None) -> Tensor:
    """Indices of `count` different items: the first to ring if each has an alarm clock of rate `weights`."""
    times = torch.empty_like(weights).exponential_(generator=generator) / weights
    return times.topk(count, largest=False).indices


def _draw(cumulative: Float[Tensor, "items"], count: int, generator: torch.Generator | None) -> Tensor:
    """Indices of `count` items with replacement, from the running sum of their weights."""
    points = torch.rand(count, generator=generator, dtype=torch.float64, device=cumulative.device) * cumulative[-1]
    return torch.searchsorted(cumulative, points, right=True).clamp_(max=len(cumulative) - 1)
