"""What the trainings of feature planes share (CodecNeRF, section 3.5; sheet codecnerf.md, §5 and §6)."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor


def warm_up_and_cosine(iteration: int, warm_up: int, iterations: int) -> float:
    """A factor on learning rates: a linear rise over `warm_up` iterations, then half a cosine down to zero."""
    if iteration < warm_up:
        return (iteration + 1) / warm_up
    done = (iteration - warm_up) / max(1, iterations - warm_up)
    return (1 + math.cos(math.pi * min(done, 1.0))) / 2


def plane_variation(scales: Iterable[Float[Tensor, "3 rows columns channels"]]) -> Float[Tensor, ""]:
    """Twice the mean squares of the differences of neighbours, along rows and along columns, summed over all planes."""
    total = torch.zeros(())
    for planes in scales:
        along_rows = (planes[:, 1:] - planes[:, :-1]).square().mean(dim=(1, 2, 3))
        along_columns = (planes[:, :, 1:] - planes[:, :, :-1]).square().mean(dim=(1, 2, 3))
        total = total + 2 * (along_rows + along_columns).sum()
    return total
