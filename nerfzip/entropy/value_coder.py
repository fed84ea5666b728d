"""Signed integers, usually prediction residuals, as mixed binary decisions.

A value becomes: is it zero? its sign; the number of bits of its magnitude in unary; the bits below the leading one.
Each decision is a *node*; a model's probability belongs to its context and the node.
"""

import numba
import numpy as np
from jaxtyping import Int64

from nerfzip.entropy.binary_coder import Coder
from nerfzip.entropy.mixing import Mixer, code_mixed_bit

MAX_BITS = 16  # of a magnitude
_NODES_PER_SIGN = MAX_BITS + 8 * MAX_BITS
NODES = 2 + 2 * _NODES_PER_SIGN


@numba.njit(cache=True, nogil=True, forceinline=True)
def _code_node(
    coder: Coder, mixer: Mixer, contexts: Int64[np.ndarray, "models"], weight_context: int, node: int, bit: int
) -> int:
    for i in range(len(contexts)):
        mixer.slots[i] = contexts[i] * NODES + node
    return code_mixed_bit(coder, mixer, weight_context * NODES + node, bit)


@numba.njit(cache=True, nogil=True)
def code_value(
    coder: Coder, mixer: Mixer, contexts: Int64[np.ndarray, "models"], weight_context: int, value: int, bits: int
) -> int:
    """Encode `value`, or decode and return one.

    Args:
        mixer: with NODES slots for each context of each model, and NODES weight sets for each weight context.
        contexts: one for each model; no two models share a context.
        bits: of the largest magnitude that can occur, at most MAX_BITS.
    """
    if not _code_node(coder, mixer, contexts, weight_context, 0, 1 if value != 0 else 0):
        return 0
    negative = _code_node(coder, mixer, contexts, weight_context, 1, 1 if value < 0 else 0)
    first = 2 + negative * _NODES_PER_SIGN
    magnitude = abs(value)
    length = 1
    while length < bits and _code_node(
        coder, mixer, contexts, weight_context, first + length - 1, 1 if magnitude >> length else 0
    ):
        length += 1
    decoded, shape = 1, 0
    for below in range(length - 2, -1, -1):
        node = first + MAX_BITS + 8 * (length - 1) + shape
        bit = _code_node(coder, mixer, contexts, weight_context, node, (magnitude >> below) & 1)
        decoded = decoded * 2 + bit
        # The first two bits under the leading one have a context of their own; the others one for each place.
        shape = 1 + bit if shape == 0 else min(max(shape, 2) + 1, 7)
    return -decoded if negative else decoded
