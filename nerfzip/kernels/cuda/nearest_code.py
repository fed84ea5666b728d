"""Nearest code of each feature vector, a block of vectors against a block of codes at a time."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.launch import launch

VECTORS, CODES = 64, 64
"""Of a block."""


def search(features: Tensor, codebook: Tensor, half_squared_norms: Tensor) -> Tensor:
    out = torch.empty(len(features), dtype=torch.int64, device=features.device)
    channels = features.shape[1]
    launch(
        _search,
        (triton.cdiv(len(features), VECTORS),),
        *(features, codebook, half_squared_norms, out),
        *(len(features), len(codebook), channels),
        block=VECTORS,
        code_block=CODES,
        width=max(triton.next_power_of_2(channels), 16),
    )
    return out


@triton.jit
def _search(  # type: ignore[no-untyped-def]
    features,
    codebook,
    half_squared_norms,
    out,
    vectors,
    codes,
    channels,
    block: tl.constexpr,
    code_block: tl.constexpr,
    width: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    rows = tl.load(features + n[:, None] * channels + c, (n < vectors)[:, None] & (c < channels), 0.0)
    smallest = tl.full([block], float("inf"), tl.float32)
    nearest = tl.zeros([block], tl.int32)
    for first in range(0, codes, code_block):
        code = first + tl.arange(0, code_block)
        columns = tl.load(codebook + code * channels + c[:, None], (code < codes) & (c < channels)[:, None], 0.0)
        half = tl.load(half_squared_norms + code, code < codes, float("inf"))
        # In full float32: with the shorter mantissa of TF32 another code would often win.
        distances = half - tl.dot(rows, columns, input_precision="ieee")
        least, index = tl.min(distances, axis=1, return_indices=True)
        # Of equal codes the first wins.
        closer = least < smallest
        smallest = tl.where(closer, least, smallest)
        nearest = tl.where(closer, first + index, nearest)
    tl.store(out + n, nearest, n < vectors)
