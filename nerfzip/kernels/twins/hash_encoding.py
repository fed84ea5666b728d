"""Multi-resolution hash encoding in plain torch; autograd gives its adjoint."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.hash_levels import HashLevels


def lookup(
    table: Float[Tensor, "rows features"], positions: Float[Tensor, "samples 3"], levels: HashLevels
) -> Float[Tensor, "samples channels"]:
    inside = (positions.abs() <= 1).all(dim=1, keepdim=True)
    unit = torch.where(inside, (positions + 1) / 2, 0)
    encoded = [
        _level(rows, unit * scale, resolution)
        for rows, scale, resolution in zip(table.split(levels.entries), levels.scales, levels.resolutions, strict=True)
    ]
    return torch.cat(encoded, dim=1) * inside


def _level(
    rows: Float[Tensor, "rows features"], positions: Float[Tensor, "samples 3"], resolution: int
) -> Float[Tensor, "samples features"]:
    """The features of one level at positions in cells."""
    lower = positions.floor().clamp(max=resolution - 2)
    fraction = positions - lower
    smooth = fraction * fraction * (3 - 2 * fraction)
    corners = torch.tensor(list(itertools.product((0, 1), repeat=3)), device=rows.device)[:, None]
    weights = torch.where(corners > 0, smooth, 1 - smooth).prod(dim=-1)
    x, y, z = (lower.long() + corners).unbind(dim=-1)
    if resolution**3 == len(rows):
        index = x + resolution * (y + resolution * z)
    else:
        index = (x ^ y * 2_654_435_761 ^ z * 805_459_861) % len(rows)
    values = rows.index_select(0, index.flatten()).unflatten(0, index.shape)
    return (weights[..., None] * values).sum(dim=0)
