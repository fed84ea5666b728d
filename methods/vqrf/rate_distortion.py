"""Choosing codes by distance + λ·bits, with a static estimate of what an index costs."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from nerfzip.kernels.nearest_code import cheapest_codes, nearest_codes

SMALLEST_WEIGHT = 1e-6
"""A voxel without importance takes the cheapest of codes."""


def index_costs(counts: Int64[Tensor, "codes"]) -> Float[Tensor, "codes"]:
    """Estimated bits of each code: the negative logarithm of its share, each code counted once more than it occurs."""
    shares = (counts.double() + 1) / (counts.double() + 1).sum()
    return -torch.log2(shares).float()


def choose_codes(
    features: Float[Tensor, "voxels channels"],
    weights: Float[Tensor, "voxels"],
    codebook: Float[Tensor, "codes channels"],
    rate_weight: float,
    passes: int = 2,
) -> Int64[Tensor, "voxels"]:
    """The code of each voxel that minimises weight · squared distance + `rate_weight` · bits.

    The bits follow from how often each code was chosen in the pass before; the first pass takes the nearest codes.

    Args:
        weights: importance; only their ratios matter (they are normalised to mean 1).
        rate_weight: λ, in squared feature units a bit; 0 gives the nearest codes.
    """
    chosen = nearest_codes(features, codebook)
    if rate_weight == 0 or not len(features):
        return chosen
    weights = (weights / weights.mean().clamp_min(1e-12)).clamp_min(SMALLEST_WEIGHT)
    for _ in range(passes):
        costs = rate_weight * index_costs(torch.bincount(chosen, minlength=len(codebook)))
        chosen = cheapest_codes(features, weights, codebook, costs)
    return chosen
