"""Walking rays through an occupancy grid, skipping what is empty: each thread follows a ray, once to count its samples
and once to write them.

Launched without fused products and sums, so that positions are rounded as in the twin and both walks find the same.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.cells import cell_of, corner_of_cell
from nerfzip.kernels.cuda.launch import launch
from nerfzip.kernels.traversal import ray_offsets_of

RAYS = 32
"""Of a program, which is one warp: its threads agree at each step on whether all of them are done."""


@dataclass(frozen=True)
class Density:
    """What `march_density` looks at on the way, with its arguments."""

    grid: Tensor
    shift: float
    interval: float
    density_threshold: float
    transmittance_threshold: float


@dataclass(frozen=True)
class Walk:
    """Rays through a grid; the attributes are arguments of `traverse_occupancy`."""

    origins: Tensor
    directions: Tensor
    t_min: Tensor
    step_counts: Tensor
    mask: Tensor
    blocks: Tensor
    step: float
    density: Density | None = None

    def hits(self) -> Tensor:
        """Whether each ray has a sample."""
        counts = torch.zeros_like(self.step_counts)
        self._launch(counts, only_first=True)
        return counts > 0

    def samples(self) -> tuple[Tensor, Tensor, Tensor]:
        """Ray and step of each packed sample, and the rays' offsets."""
        counts = torch.zeros_like(self.step_counts)
        self._launch(counts)
        offsets = ray_offsets_of(counts)
        ray_indices, steps = offsets.new_empty(2, int(offsets[-1]))
        self._launch(offsets, ray_indices, steps)
        return ray_indices, steps, offsets

    def _launch(
        self,
        counts: Tensor,
        ray_indices: Tensor | None = None,
        steps: Tensor | None = None,
        only_first: bool = False,
    ) -> None:
        density = self.density
        thresholds = (
            (density.shift, density.interval, density.density_threshold, density.transmittance_threshold)
            if density
            else (0.0, 0.0, 0.0, 0.0)
        )
        tensors = self.origins, self.directions, self.t_min, self.step_counts, self.mask, self.blocks
        launch(
            _walk,
            (triton.cdiv(len(self.origins), RAYS),),
            *[tensor.contiguous() for tensor in tensors],
            density.grid.contiguous() if density else None,
            *(counts, ray_indices, steps),
            *(len(self.origins), *self.mask.shape, *self.blocks.shape[1:], self.step, *thresholds),
            only_first=only_first,
            block=RAYS,
            num_warps=1,
            fuse=False,
        )


@triton.jit
def _nearest(position, size):  # type: ignore[no-untyped-def]
    """The nearest voxel along an axis."""
    return tl.minimum(tl.maximum(position + 0.5, 0.0), size - 1.0).to(tl.int32)


@triton.jit
def _steps_to_border(x, dx, block, distance, step):  # type: ignore[no-untyped-def]
    """How many steps a coordinate stays within the empty blocks of 4 voxels, all that are nearer than `distance`.

    It stops short of the border by 1e-3 voxels, which is above the rounding error of positions.
    """
    ahead = ((block + distance) * 4).to(tl.float32) - 0.501
    back = ((block - distance + 1) * 4).to(tl.float32) - 0.499
    steps = (tl.where(dx > 0, ahead, back) - x) / tl.where(dx == 0, 1.0, dx) / step
    return tl.where(dx == 0, 1e9, tl.minimum(steps, 1e9))


@triton.jit
def steps_to_occupied(  # type: ignore[no-untyped-def]
    x, y, z, dx, dy, dz, going, mask, blocks, size_x, size_y, size_z, blocks_y, blocks_z, step
):
    """Whether the voxels nearest to positions are occupied, and how many steps can be taken without missing one."""
    ix, iy, iz = _nearest(x, size_x), _nearest(y, size_y), _nearest(z, size_z)
    bx, by, bz = ix // 4, iy // 4, iz // 4
    distance = tl.load(blocks + (bx * blocks_y + by) * blocks_z + bz, going, 1).to(tl.int32)
    voxel = (ix.to(tl.int64) * size_y + iy) * size_z + iz
    sampled = tl.load(mask + voxel, going & (distance == 0), 0) != 0
    free = tl.minimum(
        tl.minimum(_steps_to_border(x, dx, bx, distance, step), _steps_to_border(y, dy, by, distance, step)),
        _steps_to_border(z, dz, bz, distance, step),
    )
    return sampled, tl.where(distance == 0, 1, tl.maximum(free, 1.0).to(tl.int32))


@triton.jit
def _walk(  # type: ignore[no-untyped-def]
    origins,
    directions,
    t_min,
    step_counts,
    mask,
    blocks,
    density,
    counts,
    ray_indices,
    steps,
    rays,
    size_x,
    size_y,
    size_z,
    blocks_y,
    blocks_z,
    step,
    shift,
    interval,
    density_threshold,
    transmittance_threshold,
    only_first: tl.constexpr,
    block: tl.constexpr,
):
    """Write to `counts`, or to `ray_indices` and `steps`, for which `counts` has the rays' offsets."""
    ray = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    is_ray = ray < rays
    ox, dx = tl.load(origins + 3 * ray, is_ray, 0.0), tl.load(directions + 3 * ray, is_ray, 0.0)
    oy, dy = tl.load(origins + 3 * ray + 1, is_ray, 0.0), tl.load(directions + 3 * ray + 1, is_ray, 0.0)
    oz, dz = tl.load(origins + 3 * ray + 2, is_ray, 0.0), tl.load(directions + 3 * ray + 2, is_ray, 0.0)
    entry = tl.load(t_min + ray, is_ray, 0.0)
    end = tl.load(step_counts + ray, is_ray, 0).to(tl.int32)
    if steps is not None:
        place = tl.load(counts + ray, is_ray, 0)
    found = tl.zeros([block], tl.int32)
    transmittance = tl.full([block], 1.0, tl.float32)
    k = tl.zeros([block], tl.int32)
    while tl.max((k < end).to(tl.int32)) > 0:
        going = k < end
        t = entry + (k.to(tl.float32) + 0.5) * step
        x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
        sampled, skipped = steps_to_occupied(
            x, y, z, dx, dy, dz, going, mask, blocks, size_x, size_y, size_z, blocks_y, blocks_z, step
        )
        if density is not None:
            cx, fx = cell_of(x, size_x)
            cy, fy = cell_of(y, size_y)
            cz, fz = cell_of(z, size_z)
            value = tl.zeros([block], tl.float32)
            for corner in tl.static_range(8):
                voxel, weight = corner_of_cell(corner, cx, fx, cy, fy, cz, fz, size_x, size_y, size_z)
                value += weight * tl.load(density + voxel, sampled, 0.0)
            sampled = sampled & (value > density_threshold)
            left = tl.exp(-interval * tl.log(1.0 + tl.exp(value + shift)))
        if steps is not None:
            tl.store(ray_indices + place + found, ray, sampled)
            tl.store(steps + place + found, k.to(tl.int64), sampled)
        found += sampled.to(tl.int32)
        k = tl.where(going, k + skipped, k)
        if density is not None:
            transmittance = tl.where(sampled, transmittance * left, transmittance)
            k = tl.where(transmittance < transmittance_threshold, end, k)
        if only_first:
            k = tl.where(found > 0, end, k)
    if steps is None:
        tl.store(counts + ray, found.to(tl.int64), is_ray)
