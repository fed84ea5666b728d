"""Bilinear gather in plain torch; autograd gives its adjoint."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor


def gather(
    plane: Float[Tensor, "x y channels"], positions: Float[Tensor, "samples 2"]
) -> Float[Tensor, "samples channels"]:
    last = positions.new_tensor(plane.shape[:2]) - 1
    clamped = torch.minimum(positions.clamp(min=0), last)
    lower = torch.minimum(clamped.floor(), (last - 1).clamp(min=0))
    fraction = clamped - lower
    total = plane.new_zeros(len(positions), plane.shape[2])
    for offset in itertools.product((0, 1), repeat=2):
        step = positions.new_tensor(offset)
        weight = torch.where(step > 0, fraction, 1 - fraction).prod(dim=-1)
        index = torch.minimum(lower + step, last).long()
        total = total + weight[:, None] * plane[index[:, 0], index[:, 1]]
    return total
