"""The trainable grids of a frame, and their quantization in training (JointRF, sections 3.1 and 3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from nerfzip.entropy.factorized import FactorizedModel
from nerfzip.entropy.table_coder import Probabilities
from nerfzip.fields.basis_field import BasisGrids
from nerfzip.fields.basis_geometry import BasisGeometry, cosine_atoms
from nerfzip.quantization.rounding import Rounding

NEUTRAL = 1.0
"""What a coefficient is before training; symbols count from here, so that untouched ones are zero."""


@dataclass(frozen=True)
class Symbols:
    """What a frame is coded as: of the basis or its residual level by level, and of the coefficients.

    They are integers, or float32 where nothing is quantized.
    """

    bases: list[Shaped[Tensor, "_ _ _ _"]]
    coefficients: Shaped[Tensor, "x y z channels"]

    def grids(self) -> list[Shaped[Tensor, "_ _ _ _"]]:
        return [*self.bases, self.coefficients]

    def as_floats(self) -> list[Float[Tensor, "_ _ _ _"]]:
        return [grid.float() for grid in self.grids()]


class FrameGrids(nn.Module):
    """One frame in training.

    Attributes:
        coefficients: C_t.
        bases: B_1 of a key frame, or the residuals R_t.
        reference: the basis of the key frame, which residuals are added to; None in a key frame.
        steps: symbols per unit, of each basis and of the coefficients; None while nothing is quantized.
    """

    def __init__(
        self,
        coefficients: Float[Tensor, "x y z channels"],
        bases: Sequence[Float[Tensor, "_ _ _ _"]],
        reference: Sequence[Float[Tensor, "_ _ _ _"]] | None,
        steps: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(coefficients.clone())
        self.bases = nn.ParameterList(basis.clone() for basis in bases)
        self.reference = reference
        self.steps = steps

    @staticmethod
    def initial(geometry: BasisGeometry, basis_scale: float) -> "FrameGrids":
        bases = [basis_scale * cosine_atoms(shape[0], shape[3]) for shape in geometry.basis_shapes]
        return FrameGrids(torch.full(geometry.coefficient_shape, NEUTRAL), bases, None)

    def as_key(self) -> "FrameGrids":
        """A key frame that starts from this frame."""
        return FrameGrids(self.coefficients.detach(), [basis.detach() for basis in self._total(list(self.bases))], None)

    def following(self) -> "FrameGrids":
        """A frame of the same group that starts from this one."""
        residuals = [basis.detach() for basis in self.bases]
        if self.reference is not None:
            return FrameGrids(self.coefficients.detach(), residuals, self.reference)
        return FrameGrids(self.coefficients.detach(), [torch.zeros_like(basis) for basis in residuals], residuals)

    def unquantized(self) -> BasisGrids:
        """What is rendered as long as nothing is quantized."""
        return BasisGrids(self.coefficients, self._total(list(self.bases)))

    def quantized(self, rounding: Rounding) -> list[Float[Tensor, "_ _ _ _"]]:
        """Symbols as real numbers: of all bases, then of the coefficients."""
        grids = [*self.bases, self.coefficients - NEUTRAL]
        if self.steps is None:
            return grids
        return [rounding.apply(steps * values) for steps, values in zip(self.steps, grids, strict=True)]

    def grids(self, symbols: Sequence[Float[Tensor, "_ _ _ _"]]) -> BasisGrids:
        """What is rendered, from what `quantized` gave."""
        steps = self.steps or [1.0] * len(symbols)
        *bases, coefficients = (values / step for values, step in zip(symbols, steps, strict=True))
        return BasisGrids(coefficients + NEUTRAL, self._total(bases))

    @torch.no_grad()
    def symbols(self) -> Symbols:
        """What is coded."""
        grids = self.quantized(Rounding.NONE)
        if self.steps is not None:
            grids = [values.round().to(torch.int32) for values in grids]
        *bases, coefficients = (values.detach() for values in grids)
        return Symbols(bases, coefficients)

    def _total(self, bases: Sequence[Float[Tensor, "_ _ _ _"]]) -> list[Float[Tensor, "_ _ _ _"]]:
        if self.reference is None:
            return list(bases)
        return [reference + residual for reference, residual in zip(self.reference, bases, strict=True)]


class FrameEntropy(nn.Module):
    """An entropy model for each of the grids, channel by channel (section 4.1: seven of them).

    They are one model of all channels, since a step of a few large tensors is quicker than one of many small tensors.
    """

    def __init__(self, geometry: BasisGeometry, scale: float) -> None:
        super().__init__()
        self.channels = [*geometry.basis_channels, geometry.channels]
        self.model = FactorizedModel(sum(self.channels), scale)

    def probabilities(self, index: int) -> Probabilities:
        """Of the symbols of a grid."""
        first = sum(self.channels[:index])
        return lambda low, high: self.model.probabilities(low, high)[first : first + self.channels[index]].numpy()

    def bits(self, symbols: Sequence[Float[Tensor, "_ _ _ _"]]) -> list[Float[Tensor, ""]]:
        """Of each grid."""
        return self.model.bits_of_each([values.flatten(0, 2) for values in symbols])

    @torch.no_grad()
    def bytes(self, symbols: Symbols) -> float:
        """What all grids cost by these distributions."""
        return float(torch.stack(self.bits(symbols.as_floats())).sum()) / 8
