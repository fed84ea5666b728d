"""From three planes to planes at two resolutions (CodecNeRF, section 3.4, equation 5; sheet codecnerf.md, §3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.codecnerf.plane_blocks import (
    GroupResidualBlock,
    PlaneConvolution,
    PlaneNorm,
    Planes,
    RolloutBlock,
    enlarged,
)

HEAD_LAYERS = 3


@dataclass(frozen=True)
class TriplaneDecoderSizes:
    """Of the networks behind the codes.

    Attributes:
        width: channels of the blocks that see all planes.
        shared, low, high: how many of these blocks before the resolutions part, and at each resolution.
        refinement: channels behind each of the blocks that then work on each plane by itself; the last is the planes'.
    """

    width: int
    shared: int
    low: int
    high: int
    refinement: list[int]

    @property
    def channels(self) -> int:
        """Of the planes."""
        return self.refinement[-1]


class TriplaneDecoder(nn.Module):
    """Planes of a side and of twice that side, from planes of the side."""

    def __init__(self, inputs: int, sizes: TriplaneDecoderSizes) -> None:
        super().__init__()
        width = sizes.width
        self.first = PlaneConvolution(inputs, width, 1)
        self.shared, self.low, self.high = (
            nn.Sequential(*[RolloutBlock(width, width) for _ in range(count)])
            for count in (sizes.shared, sizes.low, sizes.high)
        )
        self.low_head, self.high_head = _head(width), _head(width)
        self.low_refinement, self.high_refinement = (_refinement(width, sizes.refinement) for _ in range(2))

    def forward(self, planes: Planes) -> tuple[Planes, Planes]:
        shared = self.shared(self.first(planes))
        low = self.low_refinement(self.low_head(self.low(shared)))
        return low, self.high_refinement(self.high_head(self.high(enlarged(shared, 2))))


def _head(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(HEAD_LAYERS):
        layers += [PlaneNorm(width), nn.SiLU(), PlaneConvolution(width, width, 1)]
    return nn.Sequential(*layers)


def _refinement(inputs: int, widths: Sequence[int]) -> nn.Sequential:
    before = [inputs, *widths[:-1]]
    return nn.Sequential(*[GroupResidualBlock(*pair) for pair in zip(before, widths, strict=True)])


def channels_last(planes: Planes) -> Float[Tensor, "3 rows columns channels"]:
    """As fields keep their planes."""
    return torch.movedim(planes, 1, 3).contiguous()
