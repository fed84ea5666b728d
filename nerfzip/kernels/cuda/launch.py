"""Running Triton kernels."""

from typing import Any

import torch
import triton
from torch import Tensor

ELEMENTS = 256
"""Of a block of samples × channels: two for each thread. With more, the corners of cells take most registers."""


def launch(
    kernel: Any, programs: tuple[int, ...], first: Tensor, *arguments: Any, fuse: bool = True, **constants: Any
) -> None:
    """Run as many `programs` of a kernel, which may be none, on the device of its first argument.

    Args:
        fuse: whether a product and a sum may be rounded once.
        constants: also options such as `num_warps`.
    """
    if min(programs) > 0:
        with torch.cuda.device_of(first):
            kernel[programs](first, *arguments, enable_fp_fusion=fuse, **constants)


def blocks(samples: int, channels: int) -> tuple[int, dict[str, Any]]:
    """How many blocks cover the samples, and the constants `block` and `width`: samples and channels of a block.

    Sizes of blocks are powers of two.
    """
    width = triton.next_power_of_2(channels)
    block = max(ELEMENTS // width, 1)
    return triton.cdiv(samples, block), {"block": block, "width": width}
