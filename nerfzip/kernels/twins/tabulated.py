"""Sums of tabulated functions in plain torch; autograd gives the derivatives."""

import torch
from jaxtyping import Float
from torch import Tensor


def total(
    table: Float[Tensor, "channels knots"], values: Float[Tensor, "count channels"], first: float, spacing: float
) -> Float[Tensor, ""]:
    place = (values - first) / spacing
    knot = place.detach().floor().clamp(0, table.shape[1] - 2)
    fraction = place - knot
    index = knot.long() + table.shape[1] * torch.arange(table.shape[0], device=table.device)
    flat = table.reshape(-1)
    return ((1 - fraction) * flat[index] + fraction * flat[index + 1]).sum()
