"""Walking rays through an occupancy grid, skipping what is empty."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import inlined, parallel_kernel
from nerfzip.kernels.cpu.trilinear import cell_of

ZERO = np.float32(0)
HALF = np.float32(0.5)
ONE = np.float32(1)
HUGE = np.float32(1e9)
BLOCK_SHIFT = 2
BLOCK = 1 << BLOCK_SHIFT
MARGIN = np.float32(1e-3)
"""In voxels; above the rounding error of positions, so that skipping stops short of a border rather than past it."""


@inlined
def steps_to_occupied(x, y, z, dx, dy, dz, step, mask, blocks):  # type: ignore[no-untyped-def]
    """Zero at an occupied voxel, otherwise how many steps can be taken without missing one."""
    size_x, size_y, size_z = mask.shape
    ix = min(max(np.int64(x + HALF), 0), size_x - 1)
    iy = min(max(np.int64(y + HALF), 0), size_y - 1)
    iz = min(max(np.int64(z + HALF), 0), size_z - 1)
    bx, by, bz = ix >> BLOCK_SHIFT, iy >> BLOCK_SHIFT, iz >> BLOCK_SHIFT
    distance = np.int64(blocks[bx, by, bz])
    if distance == 0:
        return 0 if mask[ix, iy, iz] else 1
    # All blocks nearer than `distance` are empty: go on to the border of that cube of blocks.
    radius = distance - 1
    exit_x, exit_y, exit_z = HUGE, HUGE, HUGE
    if dx > ZERO:
        exit_x = (np.float32((bx + radius + 1) * BLOCK) - (HALF + MARGIN) - x) / dx
    elif dx < ZERO:
        exit_x = (np.float32((bx - radius) * BLOCK) - (HALF - MARGIN) - x) / dx
    if dy > ZERO:
        exit_y = (np.float32((by + radius + 1) * BLOCK) - (HALF + MARGIN) - y) / dy
    elif dy < ZERO:
        exit_y = (np.float32((by - radius) * BLOCK) - (HALF - MARGIN) - y) / dy
    if dz > ZERO:
        exit_z = (np.float32((bz + radius + 1) * BLOCK) - (HALF + MARGIN) - z) / dz
    elif dz < ZERO:
        exit_z = (np.float32((bz - radius) * BLOCK) - (HALF - MARGIN) - z) / dz
    return max(np.int64(min(exit_x, exit_y, exit_z, HUGE) / step), 1)


@parallel_kernel
def traverse(origins, directions, t_min, step_counts, mask, blocks, step, steps, counts):  # type: ignore[no-untyped-def]
    """Write the indices of each ray's steps that lie in occupied voxels into its row of `steps`."""
    for ray in prange(len(origins)):
        ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
        dx, dy, dz = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        count = 0
        k = 0
        while k < step_counts[ray]:
            t = t_min[ray] + (np.float32(k) + HALF) * step
            skip = steps_to_occupied(ox + t * dx, oy + t * dy, oz + t * dz, dx, dy, dz, step, mask, blocks)
            if skip == 0:
                steps[ray, count] = k
                count += 1
                skip = 1
            k += skip
        counts[ray] = count


@parallel_kernel
def pack_intervals(t_min, step, steps, offsets, ray_indices, t_starts, t_ends):  # type: ignore[no-untyped-def]
    """Pack each ray's row of steps one after another."""
    for ray in prange(len(t_min)):
        begin = offsets[ray]
        for i in range(offsets[ray + 1] - begin):
            k = np.float32(steps[ray, i])
            ray_indices[begin + i] = ray
            t_starts[begin + i] = t_min[ray] + k * step
            t_ends[begin + i] = t_min[ray] + (k + ONE) * step


@parallel_kernel
def hits(origins, directions, t_min, step_counts, mask, blocks, step, out):  # type: ignore[no-untyped-def]
    """Whether each ray has a step in an occupied voxel."""
    for ray in prange(len(origins)):
        ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
        dx, dy, dz = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        out[ray] = False
        k = 0
        while k < step_counts[ray]:
            t = t_min[ray] + (np.float32(k) + HALF) * step
            skip = steps_to_occupied(ox + t * dx, oy + t * dy, oz + t * dz, dx, dy, dz, step, mask, blocks)
            if skip == 0:
                out[ray] = True
                break
            k += skip


@parallel_kernel
def march(  # type: ignore[no-untyped-def]
    origins,
    directions,
    t_min,
    step_counts,
    mask,
    blocks,
    step,
    density,
    shift,
    interval,
    density_threshold,
    transmittance_threshold,
    steps,
    densities,
    counts,
):
    """As `traverse`, but keep only samples denser than the threshold, and stop where the ray has become opaque."""
    size_x, size_y, size_z = density.shape
    for ray in prange(len(origins)):
        ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
        dx, dy, dz = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        transmittance = ONE
        count = 0
        k = 0
        while k < step_counts[ray]:
            t = t_min[ray] + (np.float32(k) + HALF) * step
            x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
            skip = steps_to_occupied(x, y, z, dx, dy, dz, step, mask, blocks)
            if skip > 0:
                k += skip
                continue
            lx, fx = cell_of(x, size_x)
            ly, fy = cell_of(y, size_y)
            lz, fz = cell_of(z, size_z)
            ux, uy, uz = min(lx + 1, size_x - 1), min(ly + 1, size_y - 1), min(lz + 1, size_z - 1)
            gz = ONE - fz
            low = (ONE - fy) * (gz * density[lx, ly, lz] + fz * density[lx, ly, uz]) + fy * (
                gz * density[lx, uy, lz] + fz * density[lx, uy, uz]
            )
            high = (ONE - fy) * (gz * density[ux, ly, lz] + fz * density[ux, ly, uz]) + fy * (
                gz * density[ux, uy, lz] + fz * density[ux, uy, uz]
            )
            value = (ONE - fx) * low + fx * high
            if value > density_threshold:
                steps[ray, count] = k
                densities[ray, count] = value
                count += 1
                transmittance *= (ONE + np.exp(value + shift)) ** (-interval)
                if transmittance < transmittance_threshold:
                    break
            k += 1
        counts[ray] = count


@parallel_kernel
def compact(  # type: ignore[no-untyped-def]
    origins, directions, t_min, step, steps, densities, offsets, ray_indices, distances, positions, packed_densities
):
    """Pack each ray's row of samples one after another."""
    for ray in prange(len(origins)):
        begin = offsets[ray]
        for i in range(offsets[ray + 1] - begin):
            t = t_min[ray] + (np.float32(steps[ray, i]) + HALF) * step
            ray_indices[begin + i] = ray
            distances[begin + i] = t
            packed_densities[begin + i] = densities[ray, i]
            for axis in range(3):
                positions[begin + i, axis] = origins[ray, axis] + t * directions[ray, axis]


@parallel_kernel
def alpha_of_density(densities, shift, interval, alphas):  # type: ignore[no-untyped-def]
    for n in prange(len(densities)):
        alphas[n] = ONE - (ONE + np.exp(densities[n] + shift)) ** (-interval)


@parallel_kernel
def alpha_backward(densities, shift, interval, grad_alphas, out):  # type: ignore[no-untyped-def]
    """∂α/∂d = interval · (1 − α) · sigmoid(d + shift)."""
    for n in prange(len(densities)):
        e = np.exp(densities[n] + shift)
        out[n, 0] = grad_alphas[n] * interval * (ONE + e) ** (-interval) * (e / (ONE + e) if e < HUGE else ONE)
