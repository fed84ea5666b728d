"""What a file of an object holds, and the sections that hold it (CodecNeRF, section 3.7; sheet codecnerf.md, §7)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Int

from nerfzip.entropy.array_coder import decode_arrays, encode_arrays
from nerfzip.entropy.deflate import deflate_array, deflate_arrays, inflate_array, inflate_arrays
from nerfzip.entropy.grid_coder import decode_grid, encode_grid
from nerfzip.entropy.index_coder import decode_without_prior, encode_without_prior
from nerfzip.entropy.neighbouring_codes import NeighbouringCodes
from nerfzip.entropy.table_coder import Probabilities, decode_with_tables, encode_with_tables
from nerfzip.errors import BitstreamError

Layout = dict[str, tuple[str, tuple[int, ...]]]
"""Type and shape of arrays, by their names."""


class Coder(StrEnum):
    FLOAT32 = "float32"
    """PEFT: all deltas as they are; indices by Huffman codes, or each in the same number of bits."""
    PAPER = "paper"
    """PEFT++: the matrices rounded and coded by the learned prior, all else as of PEFT."""
    CONTEXT = "context"
    """Ours: matrices and indices by their neighbours, vectors of 16 bits, networks of few."""

    @property
    def network_kind(self) -> str:
        """How weights are stored."""
        return "int8" if self is Coder.CONTEXT else "float32"

    @property
    def vector_kind(self) -> str:
        return "float16" if self is Coder.CONTEXT else "float32"

    @property
    def matrix_kind(self) -> str:
        return "float32" if self is Coder.FLOAT32 else "int32"


@dataclass(frozen=True)
class Contents:
    """
    Attributes:
        indices: of the codes, plane by plane and row by row.
        matrices: of the planes' deltas at each scale, whole numbers or float32; none without fine-tuning.
        others: the deltas' vectors and the networks' deltas, by name.
    """

    indices: Int[np.ndarray, "3 rows columns"]
    matrices: list[np.ndarray]
    others: dict[str, np.ndarray]

    def arrays(self) -> dict[str, np.ndarray]:
        """All, by name."""
        return {
            "codes": self.indices,
            **{f"matrices{index}": matrix for index, matrix in enumerate(self.matrices)},
            **self.others,
        }


def encode_contents(
    contents: Contents, coder: Coder, codes: NeighbouringCodes, probabilities: Callable[[int], Probabilities]
) -> dict[str, bytes]:
    """The sections.

    Args:
        codes: what is known of the codes, which the decoder knows too.
        probabilities: of the matrices' symbols, by scale, for the paper's coder.
    """
    indices, by_neighbours = contents.indices, coder is Coder.CONTEXT
    packed = codes.encode(indices) if by_neighbours else encode_without_prior(indices.ravel(), len(codes))
    sections = {"codes": packed}
    for index, matrix in enumerate(contents.matrices):
        if coder is Coder.CONTEXT:
            section = encode_grid(matrix, np.zeros_like(matrix))
        elif coder is Coder.PAPER:
            section = encode_with_tables(matrix.reshape(-1, matrix.shape[-1]), probabilities(index))
        else:
            section = deflate_array(matrix)
        sections[f"matrices{index}"] = section
    if contents.matrices:
        others = list(contents.others.values())
        sections["others"] = encode_arrays(others) if coder is Coder.CONTEXT else deflate_arrays(others)
    return sections


def decode_contents(
    sections: dict[str, bytes],
    coder: Coder,
    codes: NeighbouringCodes,
    side: int,
    matrices: list[tuple[int, int, int, int]],
    others: Layout,
) -> Contents:
    """The inverse of `encode_contents`.

    Args:
        side: of the planes of codes.
        matrices: shapes, none without fine-tuning.
        others: types and shapes.

    Raises:
        BitstreamError: a section is missing or damaged, as far as that can be seen.
    """
    section, shape = _section(sections, "codes"), (3, side, side)
    if coder is Coder.CONTEXT:
        indices = codes.decode(section, shape)
    else:
        indices = decode_without_prior(section, 3 * side**2, len(codes)).reshape(shape)
    decoded = [_decode_matrix(sections, f"matrices{index}", coder, each) for index, each in enumerate(matrices)]
    arrays: dict[str, np.ndarray] = {}
    if matrices and coder is Coder.CONTEXT:
        layouts = [(np.dtype(dtype), shape) for dtype, shape in others.values()]
        arrays = dict(zip(others, decode_arrays(_section(sections, "others"), layouts), strict=True))
    elif matrices:
        arrays = inflate_arrays(sections, "others", others)
    for name, array in [*arrays.items(), *((f"matrices{i}", matrix) for i, matrix in enumerate(decoded))]:
        if not np.isfinite(array).all():
            raise BitstreamError(f"{name}: NaN or infinity, expected finite values")
    return Contents(indices.astype(np.int32), decoded, arrays)


def _decode_matrix(sections: dict[str, bytes], name: str, coder: Coder, shape: tuple[int, int, int, int]) -> np.ndarray:
    if coder is Coder.FLOAT32:
        return inflate_array(sections, name, "float32", shape)
    section = _section(sections, name)
    if coder is Coder.CONTEXT:
        return decode_grid(section, np.zeros(shape, np.int32))
    return decode_with_tables(section, shape[0] * shape[1] * shape[2], shape[3]).reshape(shape)


def _section(sections: dict[str, bytes], name: str) -> bytes:
    if name not in sections:
        raise BitstreamError(f"section {name!r} is missing")
    return sections[name]
