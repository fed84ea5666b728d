"""Trilinear gather in plain torch; autograd gives its adjoint."""

import itertools

import torch
from jaxtyping import Float, Int
from torch import Tensor


def corners(
    positions: Float[Tensor, "samples 3"], shape: torch.Size
) -> list[tuple[Int[Tensor, "samples 3"], Float[Tensor, "samples"]]]:
    """The eight voxels around each position, and their weights."""
    last = positions.new_tensor(shape[:3]) - 1
    clamped = torch.minimum(positions.clamp(min=0), last)
    lower = torch.minimum(clamped.floor(), (last - 1).clamp(min=0))
    fraction = clamped - lower
    result = []
    for offset in itertools.product((0, 1), repeat=3):
        step = positions.new_tensor(offset)
        weight = torch.where(step > 0, fraction, 1 - fraction).prod(dim=-1)
        result.append((torch.minimum(lower + step, last).long(), weight))
    return result


def gather(
    grid: Float[Tensor, "x y z channels"], positions: Float[Tensor, "samples 3"]
) -> Float[Tensor, "samples channels"]:
    total = positions.new_zeros(len(positions), grid.shape[3])
    for index, weight in corners(positions, grid.shape):
        total = total + weight[:, None] * grid[index[:, 0], index[:, 1], index[:, 2]]
    return total


def scatter(
    values: Float[Tensor, "x y z channels"],
    touched: Tensor,
    positions: Float[Tensor, "samples 3"],
    gradients: Float[Tensor, "samples channels"],
) -> None:
    flat = values.view(-1, values.shape[3])
    for index, weight in corners(positions, values.shape):
        voxel = (index[:, 0] * values.shape[1] + index[:, 1]) * values.shape[2] + index[:, 2]
        flat.index_add_(0, voxel, weight[:, None] * gradients)
        touched.view(-1)[voxel] = 1
