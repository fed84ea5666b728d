"""Many small linear layers at once: each sample is multiplied by the matrix of its group."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 32
"""Samples of one group that are multiplied together; what is left over of the last block of a group is not used."""


@dataclass(frozen=True)
class Groups:
    """Samples sorted by group and cut into blocks, each of one group.

    Attributes:
        slots: where in the blocks, laid end to end, each sample is.
        samples: the sample in each slot; any in a slot that is not used.
        unused: those slots.
        of_blocks: the group of each block.
    """

    slots: Int[Tensor, "samples"]
    samples: Int[Tensor, "slots"]
    unused: Int[Tensor, "unused"]
    of_blocks: Int[Tensor, "blocks"]

    @staticmethod
    def of(groups: Int[Tensor, "samples"], count: int) -> "Groups":
        """Args:
        groups: of each sample, from 0 to count − 1.
        """
        order = torch.argsort(groups, stable=True)
        counts = torch.bincount(groups, minlength=count)
        blocks = (counts + BLOCK - 1) // BLOCK
        first_slots, first_samples = BLOCK * (blocks.cumsum(0) - blocks), counts.cumsum(0) - counts
        ranks = torch.arange(len(groups), device=groups.device)
        sorted_slots = ranks + (first_slots - first_samples)[groups[order]]
        slots = torch.empty_like(groups)
        slots[order] = sorted_slots
        of_blocks = torch.repeat_interleave(torch.arange(count, device=groups.device), blocks)
        samples = groups.new_full((len(of_blocks) * BLOCK,), -1)
        samples[sorted_slots] = order
        unused = (samples < 0).nonzero()[:, 0]
        return Groups(slots, samples.clamp(min=0), unused, of_blocks)

    def gather(self, samples: Float[Tensor, "samples channels"]) -> Float[Tensor, "blocks block channels"]:
        blocks: Tensor = _Rearrange.apply(samples, self.samples, self.slots, self.unused[:0])
        return blocks.unflatten(0, (-1, BLOCK))

    def multiply(
        self, blocks: Float[Tensor, "blocks block inputs"], matrices: Float[Tensor, "groups inputs outputs"]
    ) -> Float[Tensor, "blocks block outputs"]:
        """Each block times the matrix of its group."""
        return torch.bmm(blocks, matrices.index_select(0, self.of_blocks))

    def scatter(self, blocks: Float[Tensor, "blocks block channels"]) -> Float[Tensor, "samples channels"]:
        """The inverse of `gather`."""
        samples: Tensor = _Rearrange.apply(blocks.flatten(0, 1), self.slots, self.samples, self.unused)
        return samples


class _Rearrange(torch.autograd.Function):
    # Each sample has one slot, so no gradient is a sum, as that of an index_select would be.
    @staticmethod
    def forward(ctx: Any, values: Tensor, there: Tensor, back: Tensor, unused: Tensor) -> Tensor:
        """`unused` values go nowhere."""
        ctx.back, ctx.unused = back, unused
        return values.index_select(0, there)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None]:
        return grad_outputs[0].index_select(0, ctx.back).index_fill_(0, ctx.unused, 0), None, None, None
