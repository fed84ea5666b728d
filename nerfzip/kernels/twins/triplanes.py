"""Look-up in three orthogonal planes, by `grid_sample`; autograd gives its adjoint."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

AXES = ((0, 1), (1, 2), (0, 2))
"""Of the planes xy, yz and xz."""


def sample(
    scales: Sequence[Float[Tensor, "3 rows columns channels"]], positions: Float[Tensor, "samples 3"]
) -> Float[Tensor, "samples features"]:
    # The last axis of grid_sample's positions is that of the rows, and it wants channels first.
    where = torch.stack([2 * positions[:, [second, first]] - 1 for first, second in AXES])[:, None]
    features = [
        grid_sample(planes.permute(0, 3, 1, 2), where, padding_mode="border", align_corners=True)[:, :, 0].mean(dim=0).T
        for planes in scales
    ]
    return torch.cat(features, dim=1)
