"""Canonical Huffman codes: lengths from counts, and the codes that follow from the lengths."""

import heapq

import numpy as np
from jaxtyping import Int, UInt8

from nerfzip.errors import BitstreamError

LONGEST = 30


def code_lengths(counts: Int[np.ndarray, "symbols"]) -> UInt8[np.ndarray, "symbols"]:
    """Bits of each symbol's code (Huffman 1952); 0 for those that do not occur. A lone symbol takes one bit."""
    counts = counts.astype(np.int64)
    while True:
        lengths = _huffman(counts)
        if lengths.max(initial=0) <= LONGEST:
            return lengths
        # Flatter counts make a shallower tree.
        counts = np.where(counts > 0, (counts + 1) // 2, 0)


def _huffman(counts: Int[np.ndarray, "symbols"]) -> UInt8[np.ndarray, "symbols"]:
    lengths = np.zeros(len(counts), np.uint8)
    heap = [(int(count), symbol, [symbol]) for symbol, count in enumerate(counts) if count > 0]
    if len(heap) == 1:
        lengths[heap[0][2]] = 1
    heapq.heapify(heap)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        members = first[2] + second[2]
        lengths[members] += 1
        heapq.heappush(heap, (first[0] + second[0], min(first[1], second[1]), members))
    return lengths


def canonical_codes(lengths: UInt8[np.ndarray, "symbols"]) -> Int[np.ndarray, "symbols"]:
    """The codes: shorter ones first, equally long ones in the order of their symbols.

    Raises:
        BitstreamError: there is no such code.
    """
    codes = np.zeros(len(lengths), np.int64)
    if lengths.max(initial=0) > LONGEST:
        raise BitstreamError(f"a Huffman table: a code of {lengths.max()} bits, expected at most {LONGEST}")
    code, previous = 0, 0
    for symbol in np.lexsort((np.arange(len(lengths)), lengths)):
        length = int(lengths[symbol])
        if length == 0:
            continue
        code <<= length - previous
        if code >> length:
            raise BitstreamError("a Huffman table: more codes than there can be of their lengths")
        codes[symbol] = code
        code, previous = code + 1, length
    return codes
