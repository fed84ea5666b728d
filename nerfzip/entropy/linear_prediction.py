# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type,return-value"
"""Linear prediction with integer coefficients: fitted by the encoder, coded with the data, the same everywhere."""

import numba
import numpy as np
from jaxtyping import Float, Int16

from nerfzip.entropy.binary_coder import Coder
from nerfzip.entropy.mixing import Mixer, mixer
from nerfzip.entropy.value_coder import NODES, code_value

COEFFICIENT_BITS = 10  # a coefficient of one is 1 << COEFFICIENT_BITS
COEFFICIENT_CODE_BITS = 40  # at most, for each coefficient: what an encoder must have room for
_SIZES = 17
_RIDGE = 1e-4


def fit_linear(
    design: Float[np.ndarray, "samples terms"], target: Float[np.ndarray, "samples"]
) -> Int16[np.ndarray, "terms"]:
    """Least-squares coefficients of the terms, rounded and clipped to 16-bit fixed point.

    A slight pull towards zero settles terms that are constant or that depend on each other.
    """
    design = np.asarray(design, np.float64)
    gram = design.T @ design
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram) + 1e-9
    coefficients = np.linalg.solve(gram, design.T @ target)
    scaled = np.rint(coefficients * (1 << COEFFICIENT_BITS))
    return np.clip(np.nan_to_num(scaled), -32767, 32767).astype(np.int16)


def code_coefficients(coder: Coder, coefficients: Int16[np.ndarray, "rows terms"]) -> None:
    """Encode the coefficients, or decode them in place; each has the size of the one above as context."""
    _code(coder, mixer((1 + _SIZES) * NODES, 2, NODES), coefficients)


@numba.njit(cache=True, nogil=True)
def _code(coder: Coder, mixer: Mixer, coefficients: Int16[np.ndarray, "rows terms"]) -> None:
    contexts = np.zeros(2, np.int64)
    for row in range(coefficients.shape[0]):
        for term in range(coefficients.shape[1]):
            above, size = abs(np.int64(coefficients[max(row - 1, 0), term])) if row > 0 else np.int64(0), 0
            while above >> size:
                size += 1
            contexts[1] = 1 + size
            coefficients[row, term] = code_value(coder, mixer, contexts, 0, np.int64(coefficients[row, term]), 15)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def predict(coefficients: Float[np.ndarray, "terms"], terms: Float[np.ndarray, "terms"]) -> int:
    """The prediction in fixed point: 1 << COEFFICIENT_BITS is one.

    Integers held as float64: their sums of products stay below 2**53, so they are exact in any order, and fast.
    """
    total = 0.0
    for i in range(len(coefficients)):
        total += coefficients[i] * terms[i]
    return np.int64(total)
