"""Indices of codes on planes, each expected near what the vectors of its neighbours predict.

The frequencies are whole numbers throughout, so that sender and receiver agree on every machine: codebooks are rounded,
and the weights of distances come from a table of repeated products.
"""

from collections.abc import Callable

import constriction
import numpy as np
from jaxtyping import Float, Int

from nerfzip.entropy.coarse_tables import table_model
from nerfzip.errors import BitstreamError

PRECISION = 20
"""Frequencies sum to 2^PRECISION."""
FRACTION_BITS = 8
"""Of the rounded vectors."""
LARGEST_VALUE = 1 << 12
"""Of a rounded vector; larger ones count as this, so that sums of squares do not overflow."""
WEIGHT_BITS = 20
"""Of the weight of a distance of zero."""
FALL = 63488
"""From one entry of the table to the next weights fall to this share of 2^16: 0.969."""
ENTRIES = 512
MEAN_SHARE = 4096
"""An entry is this part of the mean squared distance between a code and the middle of all."""
TAIL = 1 << 6
"""Added to all weights: what no neighbour foretells stays possible, at a known price."""


class NeighbouringCodes:
    """What the frequencies of codes follow from, which sender and receiver share.

    Args:
        codebook: a vector for each code.
        counts: how often each code occurs elsewhere, at least 1.
    """

    def __init__(self, codebook: Float[np.ndarray, "codes channels"], counts: Int[np.ndarray, "codes"]) -> None:
        rounded = np.rint(codebook.astype(np.float64) * (1 << FRACTION_BITS))
        self._vectors = rounded.clip(-LARGEST_VALUE, LARGEST_VALUE).astype(np.int64)
        self._common = frequencies_of(counts)
        self._middle = self._vectors.sum(axis=0) // len(codebook)
        spread = int(((self._vectors - self._middle) ** 2).sum()) // len(codebook)
        self._entry = max(1, spread // MEAN_SHARE)
        weights = [1 << WEIGHT_BITS]
        while len(weights) < ENTRIES:
            weights.append(weights[-1] * FALL >> 16)
        self._weights = np.array(weights, dtype=np.int64) + TAIL

    def __len__(self) -> int:
        return len(self._vectors)

    def encode(self, indices: Int[np.ndarray, "planes rows columns"]) -> bytes:
        coder = constriction.stream.queue.RangeEncoder()

        def code(frequencies: Int[np.ndarray, "codes"], index: int) -> int:
            coder.encode(np.array([index], dtype=np.int32), table_model(frequencies))
            return index

        self._walk(np.array(indices, dtype=np.int64), code)
        return coder.get_compressed().astype("<u4").tobytes()

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> Int[np.ndarray, "planes rows columns"]:
        """The inverse of `encode`.

        Raises:
            BitstreamError: the data are damaged, as far as that can be seen.
        """
        if len(data) % 4:
            raise BitstreamError(f"coded indices: {len(data)} bytes, expected a multiple of 4")
        decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
        indices = np.zeros(shape, dtype=np.int64)
        try:
            self._walk(indices, lambda frequencies, _: int(decoder.decode(table_model(frequencies), 1)[0]))
        except (AssertionError, ValueError) as error:
            raise BitstreamError(f"coded indices: {error}") from error
        return indices

    def _walk(
        self,
        indices: Int[np.ndarray, "planes rows columns"],
        code: Callable[[Int[np.ndarray, "codes"], int], int],
    ) -> None:
        """Visit all cells, plane by plane and row by row, and put what `code` returns there."""
        for plane in indices:
            for row in range(plane.shape[0]):
                for column in range(plane.shape[1]):
                    frequencies = self._frequencies(self._expected(plane, row, column))
                    plane[row, column] = code(frequencies, int(plane[row, column]))

    def _expected(self, plane: Int[np.ndarray, "rows columns"], row: int, column: int) -> Int[np.ndarray, "channels"]:
        """From the vectors above and to the left: 3/4 of both, less half of that between them."""
        vectors = self._vectors
        if row == 0 or column == 0:
            if row == column == 0:
                return self._middle
            return vectors[plane[row, column - 1] if row == 0 else plane[row - 1, column]]
        left, above, between = plane[row, column - 1], plane[row - 1, column], plane[row - 1, column - 1]
        return (3 * (vectors[left] + vectors[above]) - 2 * vectors[between]) >> 2

    def _frequencies(self, expected: Int[np.ndarray, "channels"]) -> Int[np.ndarray, "codes"]:
        """By how common codes are, and by how much farther from what is expected than the nearest."""
        difference = self._vectors - expected
        distances = np.einsum("kc,kc->k", difference, difference)
        nearest = distances.min()
        entries = np.minimum((distances - nearest) // self._entry, ENTRIES - 1)
        return frequencies_of(np.maximum(self._common * self._weights[entries] >> WEIGHT_BITS, 1))


def frequencies_of(counts: Int[np.ndarray, "codes"]) -> Int[np.ndarray, "codes"]:
    """Counts in proportion, none of them zero, that sum to 2^PRECISION; by integers alone.

    Args:
        counts: at least 1, fewer than 2^PRECISION of them.
    """
    total, spare = 1 << PRECISION, (1 << PRECISION) - len(counts)
    counts = counts.astype(np.int64)
    shares = 1 + counts * spare // counts.sum()
    shares[counts.argmax()] += total - shares.sum()
    return shares
