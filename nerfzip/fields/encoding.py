"""Positional encoding."""

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
