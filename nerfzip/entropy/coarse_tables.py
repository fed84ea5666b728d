"""Frequency tables in a file: integers of a few significant bits, made to sum to a power of two by integers alone."""

from dataclasses import dataclass

import constriction
import numpy as np
from jaxtyping import Int, UInt8

from nerfzip.errors import BitstreamError


@dataclass(frozen=True)
class TableFormat:
    """How frequencies are stored, a byte each.

    Attributes:
        precision: frequencies of a context sum to 2^precision.
        mantissa: bits that are kept behind the leading one.
    """

    precision: int
    mantissa: int

    @property
    def total(self) -> int:
        return 1 << self.precision

    @property
    def largest_code(self) -> int:
        return 1 + (self.precision << self.mantissa)


MANY_TABLES = TableFormat(precision=12, mantissa=2)
"""Where contexts are many and each has few symbols."""
FEW_TABLES = TableFormat(precision=15, mantissa=4)


def coarse_tables(
    counts: Int[np.ndarray, "contexts symbols"], form: TableFormat = MANY_TABLES
) -> UInt8[np.ndarray, "contexts symbols"]:
    """Codes of the frequencies: 0 for none, else 1 + exponent·2^mantissa + the bits behind the leading one."""
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    weights = np.where(counts > 0, np.maximum(counts * form.total // total, 1), 0)
    # Rounded to the nearest: the bit below those that are kept decides.
    kept = form.mantissa + 1
    _, bits = np.frexp(weights.astype(np.float64))
    rounded = weights + np.where(bits > kept, 1 << np.maximum(bits - kept - 1, 0), 0)
    _, bits = np.frexp(rounded.astype(np.float64))
    leading = np.where(bits >= kept, rounded >> np.maximum(bits - kept, 0), rounded << np.maximum(kept - bits, 0))
    mantissa = leading & ((1 << form.mantissa) - 1)
    return np.where(weights > 0, 1 + ((bits - 1) << form.mantissa) + mantissa, 0).astype(np.uint8)


def frequencies(
    codes: UInt8[np.ndarray, "contexts symbols"], form: TableFormat = MANY_TABLES
) -> Int[np.ndarray, "contexts symbols"]:
    """Frequencies that sum to the total in each context; a context without symbols gets them all on its first.

    Raises:
        BitstreamError: codes that `coarse_tables` does not make.
    """
    if codes.size and int(codes.max()) > form.largest_code:
        raise BitstreamError(f"a table: code {codes.max()}, expected at most {form.largest_code}")
    exponents, mantissas = np.divmod(codes.astype(np.int64) - 1, 1 << form.mantissa)
    # In fractions, so that no bit is lost.
    weights = np.where(codes > 0, ((1 << form.mantissa) + mantissas) << np.maximum(exponents, 0), 0)
    weights[weights.sum(axis=1) == 0, 0] = 1
    sums = weights.sum(axis=1, keepdims=True)
    shares = (weights * form.total + sums // 2) // sums
    shares = np.where(weights > 0, np.maximum(shares, 1), 0)
    shares[np.arange(len(codes)), shares.argmax(axis=1)] += form.total - shares.sum(axis=1)
    if (shares < (weights > 0)).any():
        raise BitstreamError(f"a table: more small frequencies than {form.total} can hold")
    return shares


def table_model(table: Int[np.ndarray, "symbols"]) -> "constriction.stream.model.Categorical":
    """Of frequencies that sum to a power of two: the coder's fixed-point numbers hold them exactly."""
    return constriction.stream.model.Categorical(table / table.sum(), perfect=False)
