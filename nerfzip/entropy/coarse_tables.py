"""Frequency tables in a file: integers of three significant bits, made to sum to a power of two by integers alone."""

import constriction
import numpy as np
from jaxtyping import Int, UInt8

from nerfzip.errors import BitstreamError

PRECISION = 12
TOTAL = 1 << PRECISION


def coarse_tables(counts: Int[np.ndarray, "contexts symbols"]) -> UInt8[np.ndarray, "contexts symbols"]:
    """Codes of the frequencies: 0 for none, else 1 + 4·exponent + the two bits below the leading one."""
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    weights = np.where(counts > 0, np.maximum(counts * TOTAL // total, 1), 0)
    # Rounded to the nearest: the bit below those that are kept decides.
    _, bits = np.frexp(weights.astype(np.float64))
    rounded = weights + np.where(bits > 3, 1 << np.maximum(bits - 4, 0), 0)
    _, bits = np.frexp(rounded.astype(np.float64))
    mantissa = np.where(bits >= 3, rounded >> np.maximum(bits - 3, 0), rounded << np.maximum(3 - bits, 0)) & 3
    return np.where(weights > 0, 1 + 4 * (bits - 1) + mantissa, 0).astype(np.uint8)


def frequencies(codes: UInt8[np.ndarray, "contexts symbols"]) -> Int[np.ndarray, "contexts symbols"]:
    """Frequencies that sum to TOTAL in each context; a context without symbols gets them all on its first.

    Raises:
        BitstreamError: codes that `coarse_tables` does not make.
    """
    if codes.size and int(codes.max()) > 4 * (PRECISION + 1):
        raise BitstreamError(f"a table: code {codes.max()}, expected at most {4 * (PRECISION + 1)}")
    exponents, mantissas = np.divmod(codes.astype(np.int64) - 1, 4)
    # In quarters, so that no bit is lost.
    weights = np.where(codes > 0, (4 + mantissas) << np.maximum(exponents, 0), 0)
    weights[weights.sum(axis=1) == 0, 0] = 1
    shares = weights * TOTAL // weights.sum(axis=1, keepdims=True)
    shares = np.where(weights > 0, np.maximum(shares, 1), 0)
    shares[np.arange(len(codes)), shares.argmax(axis=1)] += TOTAL - shares.sum(axis=1)
    if (shares < (weights > 0)).any():
        raise BitstreamError(f"a table: more small frequencies than {TOTAL} can hold")
    return shares


def table_model(table: Int[np.ndarray, "symbols"]) -> "constriction.stream.model.Categorical":
    """Of frequencies that sum to TOTAL, a power of two: the coder's fixed-point numbers hold them exactly."""
    return constriction.stream.model.Categorical(table / TOTAL, perfect=False)
