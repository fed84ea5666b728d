"""The state of masked Adam for one voxel grid."""

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from nerfzip.kernels import VoxelGradient, lazy_zeros, masked_adam_step

BETAS = (0.9, 0.99)


class GridAdam:
    """Adam over the touched voxels of a grid; see `masked_adam_step`.

    Args:
        rates: factors on the learning rate of each voxel; none means 1.
        trainable: 0 at voxels that must stay as they are; none means that all may change.
    """

    def __init__(
        self,
        grid: nn.Parameter,
        rates: Float[Tensor, "x y z"] | None = None,
        trainable: UInt8[Tensor, "x y z"] | None = None,
    ) -> None:
        self.grid = grid
        self.gradient = VoxelGradient.like(grid)
        self.rates = rates
        self.trainable = trainable
        self._first = lazy_zeros(tuple(grid.shape), grid.device)
        self._second = lazy_zeros(tuple(grid.shape), grid.device)
        self._steps = 0

    def step(self, learning_rate: float) -> None:
        self._steps += 1
        if self.trainable is not None:
            self.gradient.touched.mul_(self.trainable)
        masked_adam_step(
            self.grid, self.gradient, self._first, self._second, self._steps, learning_rate, BETAS, rates=self.rates
        )
