"""Random rays through grids, and slow float64 references of what the kernels should find along them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from nerfzip.geometry import Box, Rays, intersect_box

STEP = 0.0065
VOXELS_PER_UNIT = 80.0
ROUNDING = 1e-4
"""In voxels: positions of float32 may be this far off."""

Shape = tuple[int, int, int]
SHAPES: list[Shape] = [(1, 1, 1), (4, 8, 4), (5, 1, 3), (17, 9, 13), (2, 30, 7)]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def threads_and_owners() -> Iterator[int]:
    """Into how many parts a scatter is to be divided, first with one thread and then with two."""
    threads = numba.get_num_threads()
    try:
        for active in sorted({1, min(2, threads)}):
            numba.set_num_threads(active)
            yield from (1, 2, 3, 7)
    finally:
        numba.set_num_threads(threads)


@dataclass(frozen=True)
class RayCase:
    """Arguments of the traversal kernels; positions in voxels, as in `traverse_occupancy`."""

    origins: Tensor
    directions: Tensor
    t_min: Tensor
    t_max: Tensor


def random_rays(count: int, shape: Shape, seed: int) -> RayCase:
    """Rays from outside and inside the grid; some miss it, some are parallel to one or two axes."""
    size = torch.tensor(shape)
    generator = seeded(seed)
    origins = (3 * torch.rand(count, 3, generator=generator) - 1) * size
    directions = torch.rand(count, 3, generator=generator) * size - origins
    directions[torch.rand(count, 3, generator=generator) < 0.2] = 0
    directions[(directions == 0).all(dim=1)] = torch.tensor([0.0, 0.0, 1.0])
    directions = VOXELS_PER_UNIT * torch.nn.functional.normalize(directions, dim=1)
    box = Box((-0.5, -0.5, -0.5), (shape[0] - 0.5, shape[1] - 0.5, shape[2] - 0.5))
    return RayCase(origins, directions, *intersect_box(Rays(origins, directions), box, near=0.0))


def random_mask(shape: Shape, occupied: float, seed: int) -> Tensor:
    return (torch.rand(shape, generator=seeded(seed)) < occupied).to(torch.uint8)


@dataclass(frozen=True)
class Candidates:
    """What a ray meets, step by step, in float64.

    Attributes:
        positions: [steps, 3].
        occupied: whether each step lies in an occupied voxel.
        certain: false where rounding to float32 may put the step into another voxel, or add or drop it.
    """

    positions: np.ndarray
    occupied: np.ndarray
    certain: np.ndarray


def candidates(case: RayCase, ray: int, mask: Tensor, step: float = STEP) -> Candidates:
    origin, direction = case.origins[ray].double().numpy(), case.directions[ray].double().numpy()
    t_min, t_max = float(case.t_min[ray]), float(case.t_max[ray])
    steps = max((t_max - t_min) / step, 0.0)
    t = t_min + (np.arange(int(steps + ROUNDING)) + 0.5) * step
    positions = origin + t[:, None] * direction
    shifted = positions + 0.5
    voxel = np.clip(np.floor(shifted).astype(int), 0, np.array(mask.shape) - 1)
    certain = (np.abs(shifted - np.round(shifted)) > ROUNDING).all(axis=1)
    certain[len(t) - 1 :] &= abs(steps - round(steps)) > ROUNDING
    return Candidates(positions, mask.numpy()[tuple(voxel.T)] > 0, certain)


def interpolated(grid: Tensor, positions: np.ndarray) -> np.ndarray:
    """A one-channel grid at positions, by scipy in float64."""
    values = grid[..., 0].double().numpy()
    clamped = np.clip(positions, 0, np.array(values.shape) - 1)
    return map_coordinates(values, clamped.T, order=1, mode="nearest")
