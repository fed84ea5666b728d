"""Positional encoding."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def encode_frequencies(values: Float[Tensor, "n dims"], frequencies: int) -> Float[Tensor, "n encoded"]:
    """The values, then the sines, then the cosines of the values times 1, 2, 4, …, 2^(frequencies − 1).

    Sines and cosines are ordered dimension by dimension, as in DVGO's view encoding (no factor π).
    """
    powers = 2.0 ** torch.arange(frequencies, device=values.device)
    angles = (values[:, :, None] * powers).flatten(1)
    return torch.cat([values, angles.sin(), angles.cos()], dim=-1)


def encode_harmonics(directions: Float[Tensor, "n 3"]) -> Float[Tensor, "n 9"]:
    """The real spherical harmonics of degrees 0 to 2 of unit vectors, orthonormal, without the Condon-Shortley phase.

    Ordered by degree, then from order −degree to degree.
    """
    x, y, z = directions.unbind(dim=1)
    constant, linear, product = (math.sqrt(number / math.pi) / 2 for number in (1, 3, 15))
    harmonics = [
        torch.full_like(x, constant),
        linear * y,
        linear * z,
        linear * x,
        product * x * y,
        product * y * z,
        math.sqrt(5 / math.pi) / 4 * (3 * z * z - 1),
        product * x * z,
        product / 2 * (x * x - y * y),
    ]
    return torch.stack(harmonics, dim=1)
