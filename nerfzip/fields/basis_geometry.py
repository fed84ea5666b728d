"""Where the grids of a coefficient × basis field lie, and how large they are (Factor Fields; sheet jointrf.md §2.1)."""

import itertools
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.geometry import Box


@dataclass(frozen=True)
class BasisGeometry:
    """One coefficient grid that fills a box, and cubic basis grids that repeat through it.

    Attributes:
        box: of the scene, world units.
        coefficient_resolution: voxels along each axis.
        basis_resolutions: voxels along each axis of each level's grid.
        basis_channels: of each level; the coefficient grid has their sum.
        frequencies: how often each level repeats along the longest side of the box.
        step: distance between samples on a ray, world units.
    """

    box: Box
    coefficient_resolution: tuple[int, int, int]
    basis_resolutions: tuple[int, ...]
    basis_channels: tuple[int, ...]
    frequencies: tuple[float, ...]
    step: float

    @property
    def channels(self) -> int:
        return sum(self.basis_channels)

    @property
    def basis_shapes(self) -> list[tuple[int, int, int, int]]:
        return [(r, r, r, c) for r, c in zip(self.basis_resolutions, self.basis_channels, strict=True)]

    @property
    def coefficient_shape(self) -> tuple[int, int, int, int]:
        return (*self.coefficient_resolution, self.channels)

    @property
    def longest_side(self) -> float:
        return max(self.box.size)

    @property
    def tiles(self) -> Float[Tensor, "levels 3"]:
        """How often each level repeats along each side of the box."""
        sides = torch.tensor(self.box.size) / self.longest_side
        return torch.tensor(self.frequencies)[:, None] * sides

    @property
    def parameters(self) -> int:
        """The number of values in all grids."""
        return sum(math.prod(shape) for shape in [self.coefficient_shape, *self.basis_shapes])


@dataclass(frozen=True)
class BasisBudget:
    """How large the grids of a field are, whatever the shape of its box.

    Attributes:
        parameters: values in all grids together, about.
        coefficient_share: of them in the coefficient grid.
        basis_resolutions: of the levels; they are scaled together to the budget.
        basis_channels: of the levels.
        frequencies: of the levels; they are scaled together to `finest`.
        finest: voxels of the last level along the longest side of the box, all its tiles together.
        samples: steps along the longest side of the box.
    """

    parameters: int
    coefficient_share: float
    basis_resolutions: list[int]
    basis_channels: list[int]
    frequencies: list[float]
    finest: int
    samples: int

    def geometry(self, box: Box) -> BasisGeometry:
        """The grids for a box; the coefficient grid's voxels are as nearly cubes as its resolution allows."""
        sides = torch.tensor(box.size, dtype=torch.float64)
        voxels = self.parameters * self.coefficient_share / sum(self.basis_channels)
        edge = float(sides.prod() / voxels) ** (1 / 3)
        x, y, z = (max(2, round(float(side) / edge)) for side in sides)
        nominal = sum(r**3 * c for r, c in zip(self.basis_resolutions, self.basis_channels, strict=True))
        scale = (self.parameters * (1 - self.coefficient_share) / nominal) ** (1 / 3)
        resolutions = tuple(max(2, round(scale * r)) for r in self.basis_resolutions)
        stretch = self.finest / (resolutions[-1] * self.frequencies[-1])
        return BasisGeometry(
            box,
            (x, y, z),
            resolutions,
            tuple(self.basis_channels),
            tuple(stretch * frequency for frequency in self.frequencies),
            float(sides.max()) / self.samples,
        )


def cosine_atoms(resolution: int, count: int) -> Float[Tensor, "x y z count"]:
    """Cosine patterns that a basis grid starts from, each with a largest magnitude of 1 (sheet jointrf.md §2.1).

    Products of rows cos(π n k / p) along the axes, p = ⌊count^⅓⌋ + 1, less their mean for k ≥ 1; of all products
    `count` are taken at even distances.
    """
    rows_per_axis = math.floor(count ** (1 / 3) + 1e-9) + 1
    n = torch.arange(resolution, dtype=torch.float32)
    rows = [torch.cos(math.pi / rows_per_axis * n * k) for k in range(rows_per_axis)]
    rows = [row - row.mean() if k else row for k, row in enumerate(rows)]
    atoms = [a[:, None, None] * b[None, :, None] * c[None, None, :] for a, b, c in itertools.product(rows, rows, rows)]
    chosen = torch.linspace(0, len(atoms) - 1, count).round().long().tolist()
    return torch.stack([atoms[i] / atoms[i].abs().max() for i in chosen], dim=-1)
