"""The model in parts: each is coded as a lattice of whole numbers, and has steps of quantization."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from methods.mlp_maps.layers import EqualisedUpsampling
from methods.mlp_maps.model import MapsModel
from nerfzip.kernels.hash_levels import HashLevels

LATENTS = "latents"
"""The parameter that frames have rows of; all others are shared."""
HASHED_BLOCK = 8
"""Rows of a hashed level lie on a lattice with two sides so long; nodes that follow one another along x are near."""


@dataclass(frozen=True)
class Part:
    """Rows of a parameter of the model.

    Attributes:
        parameter: its name.
        begin, end: of the rows; all of them but in hash tables, of which each level is a part.
        lattice: the shape that is coded, channels last.
        slices: steps that the part has: one for each slice along the lattice's first axis, or one for all.
        transposed: whether outputs are the parameter's second axis; they are the lattice's first.
    """

    parameter: str
    begin: int
    end: int
    lattice: tuple[int, int, int, int]
    slices: int
    transposed: bool = False

    @property
    def name(self) -> str:
        return f"{self.parameter}.{self.begin}" if self.is_table else self.parameter

    @property
    def is_table(self) -> bool:
        return self.parameter.startswith("tables")

    def read(self, parameter: Shaped[Tensor, "..."]) -> Shaped[Tensor, "x y z channels"]:
        """The part, as a lattice."""
        rows = parameter[self.begin : self.end]
        return (rows.transpose(0, 1) if self.transposed else rows).reshape(self.lattice)

    def rows(self, lattice: Shaped[Tensor, "x y z channels"], shape: torch.Size) -> Shaped[Tensor, "..."]:
        """The inverse of `read`, for a parameter of this shape."""
        if self.transposed:
            return lattice.reshape(shape[1], shape[0], *shape[2:]).transpose(0, 1)
        return lattice.reshape(self.end - self.begin, *shape[1:])

    def spread(self, steps: Float[Tensor, "slices"], dimensions: int) -> Float[Tensor, "..."]:
        """Steps so that they broadcast with the rows of the parameter."""
        if self.is_table:
            return steps.expand(self.end - self.begin)[:, None]
        spread = steps.view(-1, *[1] * (dimensions - 1))
        return spread.transpose(0, 1) if self.transposed else spread


def parts_of(model: MapsModel) -> list[Part]:
    """All parts, in the order of the model's parameters; only the parameters' shapes matter."""
    upsampling = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, EqualisedUpsampling)}
    parts: list[Part] = []
    for name, values in model.named_parameters():
        if name.startswith("tables"):
            parts += _table_parts(name, model.layout.levels)
        else:
            parts.append(_part(name, values.shape, name in upsampling))
    return parts


def _part(name: str, shape: torch.Size, transposed: bool) -> Part:
    # Biases lie on a line, biases of pixels on planes, weights are inputs × kernel for each output.
    first, second = (shape[1], shape[0]) if transposed else (shape[0], shape[1] if len(shape) > 1 else 1)
    if len(shape) == 1:
        return Part(name, 0, first, (1, 1, first, 1), 1)
    if name == LATENTS:
        return Part(name, 0, first, (first, 1, second, 1), 1)
    if len(shape) == 3:
        return Part(name, 0, first, (*shape, 1), first)
    return Part(name, 0, shape[0], (first, second, math.prod(shape[2:]), 1), first, transposed)


def _table_parts(name: str, levels: HashLevels) -> list[Part]:
    parts, begin = [], 0
    for entries, resolution in zip(levels.entries, levels.resolutions, strict=True):
        if entries == resolution**3:
            shape = (resolution, resolution, resolution)
        else:
            side = HASHED_BLOCK if entries >= HASHED_BLOCK**2 else 1
            shape = (entries // side**2, side, side)
        parts.append(Part(name, begin, begin + entries, (*shape, 2), 1))
        begin += entries
    return parts


def assemble(
    parts: Iterable[Part], lattices: Mapping[str, Shaped[Tensor, "x y z channels"]], shapes: Mapping[str, torch.Size]
) -> dict[str, Shaped[Tensor, "..."]]:
    """The parameters that have these parts."""
    rows: dict[str, list[Tensor]] = {}
    for part in parts:
        rows.setdefault(part.parameter, []).append(part.rows(lattices[part.name], shapes[part.parameter]))
    return {name: torch.cat(pieces) for name, pieces in rows.items()}


def parameter_shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: values.shape for name, values in model.named_parameters()}
