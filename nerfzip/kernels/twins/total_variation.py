"""The gradient of total variation in plain torch."""

import torch
from torch import Tensor


def add_gradient(grid: Tensor, gradients: Tensor, touched: Tensor, weight: float) -> None:
    total = torch.zeros_like(grid)
    for axis in range(3):
        difference = grid.diff(dim=axis).clamp(-1, 1)
        total.narrow(axis, 1, grid.shape[axis] - 1).add_(difference)
        total.narrow(axis, 0, grid.shape[axis] - 1).sub_(difference)
    gradients += weight * total * (touched > 0)[..., None]
