"""Choosing codes by distance + λ·bits, with a static estimate of what an index costs."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

_CHUNK = 8192


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
    chosen = _cheapest(features, weights, codebook, torch.zeros(len(codebook)))
    if rate_weight == 0 or not len(features):
        return chosen
    weights = weights / weights.mean().clamp_min(1e-12)
    for _ in range(passes):
        costs = rate_weight * index_costs(torch.bincount(chosen, minlength=len(codebook)))
        chosen = _cheapest(features, weights, codebook, costs)
    return chosen


def _cheapest(
    features: Float[Tensor, "voxels channels"],
    weights: Float[Tensor, "voxels"],
    codebook: Float[Tensor, "codes channels"],
    costs: Float[Tensor, "codes"],
) -> Int64[Tensor, "voxels"]:
    """|b|² − 2 f·b orders the codes as the distance does; dividing the costs by the weight spares a multiplication."""
    norms = codebook.square().sum(1)
    chosen = torch.empty(len(features), dtype=torch.int64)
    for start in range(0, len(features), _CHUNK):
        part = slice(start, start + _CHUNK)
        scores = torch.addmm(norms, features[part], codebook.T, alpha=-2)
        if costs.any():
            scores += costs / weights[part, None].clamp_min(1e-6)
        chosen[part] = scores.argmin(1)
    return chosen
