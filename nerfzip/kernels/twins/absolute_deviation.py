"""The gradient of an absolute deviation, in plain torch."""

from jaxtyping import Float, UInt8
from torch import Tensor


def add_gradient(
    grid: Float[Tensor, "voxels channels"],
    reference: Float[Tensor, "voxels channels"],
    gradients: Float[Tensor, "voxels channels"],
    touched: UInt8[Tensor, "voxels"],
    weight: float,
) -> None:
    gradients += weight * (grid - reference).sign() * (touched > 0)[:, None]
