"""Many small linear layers at once: each sample is multiplied by the matrix of its group."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 32
"""Samples of one group that are multiplied together; the last block of a group is filled up with zeros."""


@dataclass(frozen=True)
class Groups:
    """Samples sorted by group and cut into blocks, each of one group.

    Attributes:
        slots: where in the blocks, laid end to end, each sample is.
        of_blocks: the group of each block.
    """

    slots: Int[Tensor, "samples"]
    of_blocks: Int[Tensor, "blocks"]

    @staticmethod
    def of(groups: Int[Tensor, "samples"], count: int) -> "Groups":
        """Args:
        groups: of each sample, from 0 to count − 1.
        """
        order = torch.argsort(groups, stable=True)
        samples = torch.bincount(groups, minlength=count)
        blocks = (samples + BLOCK - 1) // BLOCK
        first_slots, first_samples = BLOCK * (blocks.cumsum(0) - blocks), samples.cumsum(0) - samples
        ranks = torch.arange(len(groups), device=groups.device)
        slots = torch.empty_like(groups)
        slots[order] = ranks + (first_slots - first_samples)[groups[order]]
        return Groups(slots, torch.repeat_interleave(torch.arange(count, device=groups.device), blocks))

    def gather(self, samples: Float[Tensor, "samples channels"]) -> Float[Tensor, "blocks block channels"]:
        blocks = samples.new_zeros(len(self.of_blocks) * BLOCK, samples.shape[1])
        return blocks.index_copy(0, self.slots, samples).unflatten(0, (-1, BLOCK))

    def multiply(
        self, blocks: Float[Tensor, "blocks block inputs"], matrices: Float[Tensor, "groups inputs outputs"]
    ) -> Float[Tensor, "blocks block outputs"]:
        """Each block times the matrix of its group."""
        return torch.bmm(blocks, matrices.index_select(0, self.of_blocks))

    def scatter(self, blocks: Float[Tensor, "blocks block channels"]) -> Float[Tensor, "samples channels"]:
        """The inverse of `gather`."""
        return blocks.flatten(0, 1).index_select(0, self.slots)
