"""Which vector of a codebook is nearest."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.kernels.backend import runs_on_cpu_kernels
from nerfzip.kernels.cpu import nearest_code as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.twins import nearest_code as twin


def nearest_codes(
    features: Float[Tensor, "vectors channels"], codebook: Float[Tensor, "codes channels"]
) -> Int[Tensor, "vectors"]:
    """Index (int64) of the code at the least Euclidean distance from each feature vector.

    |x − c|² = |x|² − 2 (x·c − |c|²/2), so that the largest x·c − |c|²/2 wins; computed in float32, in blocks, without
    the whole matrix of distances. Of two codes whose distances differ by rounding alone either may win.
    """
    features, codebook = features.detach().float().contiguous(), codebook.detach().float().contiguous()
    half_squared_norms = codebook.square().sum(dim=1) / 2
    if not runs_on_cpu_kernels(features):
        return twin.search(features, codebook, half_squared_norms)
    out = torch.empty(len(features), dtype=torch.int64)
    channels = channel_tuple(features.shape[1])
    cpu.search(features.numpy(), codebook.numpy(), half_squared_norms.numpy(), channels, out.numpy())
    return out
