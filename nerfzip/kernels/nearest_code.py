"""Which vector of a codebook is nearest."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.kernels.backend import form_for
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
    features, codebook = features.detach().float(), codebook.detach().float()
    return _search(features, codebook, codebook.square().sum(dim=1) / 2)


def cheapest_codes(
    features: Float[Tensor, "vectors channels"],
    weights: Float[Tensor, "vectors"],
    codebook: Float[Tensor, "codes channels"],
    costs: Float[Tensor, "codes"],
) -> Int[Tensor, "vectors"]:
    """Index (int64) of the code of least weight · |x − c|² + cost for each feature vector; weights are positive.

    The search is that of `nearest_codes` with one more channel, in which vector and code have 1 / weight and −cost / 2.
    """
    features, codebook = features.detach().float(), codebook.detach().float()
    extended = torch.cat([codebook, -costs[:, None] / 2], dim=1)
    return _search(torch.cat([features, 1 / weights[:, None]], dim=1), extended, codebook.square().sum(dim=1) / 2)


def _search(features: Tensor, codebook: Tensor, half_squared_norms: Tensor) -> Tensor:
    features, codebook = features.contiguous(), codebook.contiguous()
    form = form_for(features)
    if form == "twin":
        return twin.search(features, codebook, half_squared_norms)
    if form == "cuda":
        from nerfzip.kernels.cuda import nearest_code as cuda

        return cuda.search(features, codebook, half_squared_norms)
    out = torch.empty(len(features), dtype=torch.int64)
    channels = channel_tuple(features.shape[1])
    cpu.search(features.numpy(), codebook.numpy(), half_squared_norms.numpy(), channels, out.numpy())
    return out
