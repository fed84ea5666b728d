"""Where to look along rays without an occupancy: everywhere, then where there is something (NeRF, section 5.2)."""

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_SHARE = 1e-5
"""Added to the weights, so that a ray that meets nothing is sampled evenly."""


def stratified(
    t_min: Float[Tensor, "rays"], t_max: Float[Tensor, "rays"], count: int, jitter: bool
) -> Float[Tensor, "rays count"]:
    """A distance in each of `count` equal parts of each ray: in their middles, or at random."""
    places = _places(t_min, count, jitter)
    return t_min[:, None] + places * (t_max - t_min)[:, None]


def by_weight(
    distances: Float[Tensor, "rays samples"], weights: Float[Tensor, "rays samples"], count: int, jitter: bool
) -> Float[Tensor, "rays count"]:
    """`count` distances whose density is proportional to the weights of the samples around them, in rising order.

    The density is constant between the middles of neighbouring samples; the first and the last sample count for
    nothing, as in NeRF.

    Args:
        distances: in rising order, at least four of each ray.
    """
    edges = (distances[:, 1:] + distances[:, :-1]) / 2
    shares = weights[:, 1:-1] + LEAST_SHARE
    cumulative = torch.cat([shares.new_zeros(len(shares), 1), shares.cumsum(dim=1)], dim=1)
    cumulative = cumulative / cumulative[:, -1:]
    targets = _places(shares, count, jitter)
    upper = torch.searchsorted(cumulative, targets, right=True).clamp(1, cumulative.shape[1] - 1)
    low, high = cumulative.gather(1, upper - 1), cumulative.gather(1, upper)
    inside = ((targets - low) / (high - low)).clamp(0, 1)
    begin, end = edges.gather(1, upper - 1), edges.gather(1, upper)
    return begin + inside * (end - begin)


def _places(like: Float[Tensor, "rays ..."], count: int, jitter: bool) -> Float[Tensor, "rays count"]:
    """In each of `count` equal parts of [0, 1] one: its middle, or at random."""
    shape = (len(like), count)
    within = torch.rand(shape, device=like.device) if jitter else torch.full(shape, 0.5, device=like.device)
    return (torch.arange(count, device=like.device) + within) / count
