"""Vectors to codes of a codebook that follows them (CodecNeRF, section 3.3, equations 3 and 4; sheet, §2)."""

from dataclasses import dataclass

import torch
import torch.distributed
from jaxtyping import Float, Int
from torch import Tensor, nn

from nerfzip.kernels.nearest_code import nearest_codes

IDLE_SHARE = 0.05
"""A code expires below this share of the mean number of vectors of a code."""


@dataclass(frozen=True)
class QuantizedVectors:
    """
    Attributes:
        vectors: the codes' vectors; gradients go on to what was quantized.
        indices: of the codes.
        commitment: mean squared distance, differentiable in what was quantized.
    """

    vectors: Float[Tensor, "count channels"]
    indices: Int[Tensor, "count"]
    commitment: Float[Tensor, ""]


class VectorQuantizer(nn.Module):
    """A codebook whose codes are running means of the vectors nearest to them.

    That is the minimum of the codebook's loss in equation 4 (van den Oord et al. 2017, appendix A.1).

    Args:
        decay: how much of the running means a step keeps.
    """

    codebook: Float[Tensor, "codes channels"]
    counts: Float[Tensor, "codes"]
    sums: Float[Tensor, "codes channels"]

    def __init__(self, codes: int, channels: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        start = torch.randn(codes, channels)
        self.register_buffer("codebook", start)
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", start.clone())

    def forward(self, vectors: Float[Tensor, "count channels"]) -> QuantizedVectors:
        indices = nearest_codes(vectors.detach(), self.codebook)
        chosen = self.codebook[indices]
        commitment = (vectors - chosen).square().mean()
        return QuantizedVectors(vectors + (chosen - vectors).detach(), indices, commitment)

    @torch.no_grad()
    def learn(self, vectors: Float[Tensor, "count channels"], indices: Int[Tensor, "count"]) -> None:
        """Move the codes to their vectors; codes without any move onto vectors, drawn at random.

        With several processes each brings its own vectors, and all arrive at the same codebook.
        """
        counts = torch.zeros_like(self.counts).index_add_(0, indices, torch.ones_like(vectors[:, 0]))
        sums = torch.zeros_like(self.sums).index_add_(0, indices, vectors)
        candidates = vectors[torch.randint(len(vectors), (len(self.codebook),))]
        if torch.distributed.is_initialized():
            torch.distributed.all_reduce(counts)
            torch.distributed.all_reduce(sums)
            torch.distributed.broadcast(candidates, src=0)
        self.counts.mul_(self.decay).add_(counts, alpha=1 - self.decay)
        self.sums.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        mean_count = self.counts.mean()
        idle = self.counts < IDLE_SHARE * mean_count
        self.sums[idle] = candidates[idle] * mean_count
        self.counts[idle] = mean_count
        self.codebook.copy_(self.sums / self.counts[:, None])
