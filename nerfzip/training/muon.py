"""Steps of the same size in all directions of a matrix (Jordan et al., Muon, 2024; Liu et al. 2025 for the scale)."""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial that pushes singular values towards 1 (Jordan et al.)."""
ITERATIONS = 5
RMS = 2.0
"""Root mean square of a step, in learning rates. Liu et al. have 0.2, as is usual of Adam's steps."""


class Muon(Optimizer):
    """Momentum whose singular values are all made about 1.

    Directions that matter little to the loss are learned as fast as those that dominate its gradient.

    Args:
        groups: as of any optimiser; each has a `stack`, the shape of its parameters as stacks of matrices: (how many,
            rows), and what is left are columns.
        momentum: of Nesterov's kind.
        weight_decay: as of AdamW.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        momentum: float,
        weight_decay: float,
    ) -> None:
        super().__init__(groups, {"lr": 0.0, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for values in group["params"]:
                if values.grad is None:
                    continue
                state = self.state[values]
                if not state:
                    state["momentum"] = torch.zeros_like(values)
                average: Tensor = state["momentum"]
                average.lerp_(values.grad, 1 - group["momentum"])
                ahead = torch.lerp(values.grad, average, group["momentum"])
                count, rows = group["stack"]
                direction = orthogonalised(ahead.reshape(count, rows, -1))
                scale = RMS * max(direction.shape[1:]) ** 0.5
                values.mul_(1 - group["lr"] * group["weight_decay"])
                values.add_(direction.view_as(values), alpha=-group["lr"] * scale)


def orthogonalised(matrices: Float[Tensor, "count rows columns"]) -> Float[Tensor, "count rows columns"]:
    """About U Vᵀ of each matrix U S Vᵀ, by Newton–Schulz iterations."""
    a, b, c = COEFFICIENTS
    wide = matrices.shape[1] <= matrices.shape[2]
    values = matrices if wide else matrices.transpose(1, 2)
    values = values / (values.norm(dim=(1, 2), keepdim=True) + 1e-12)
    for _ in range(ITERATIONS):
        square = values @ values.transpose(1, 2)
        values = a * values + (b * square + c * square @ square) @ values
    return values if wide else values.transpose(1, 2)
