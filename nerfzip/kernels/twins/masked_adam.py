"""Adam over touched voxels in plain torch."""

from torch import Tensor


def step(
    parameters: Tensor,
    gradients: Tensor,
    touched: Tensor,
    first: Tensor,
    second: Tensor,
    rates: Tensor,
    rate: float,
    beta1: float,
    beta2: float,
    correction2: float,
    epsilon: float,
) -> None:
    rows = touched.nonzero()[:, 0]
    g = gradients[rows]
    m = beta1 * first[rows] + (1 - beta1) * g
    v = beta2 * second[rows] + (1 - beta2) * g * g
    first[rows] = m
    second[rows] = v
    own_rate = rate * (rates[rows, None] if len(rates) > 1 else rates)
    parameters[rows] -= own_rate * m / (v.sqrt() * correction2 + epsilon)
    gradients[rows] = 0
    touched.zero_()
