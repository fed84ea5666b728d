"""What is seen of a feature grid along rays: a thread for each ray, whose sums stay in registers."""

import triton
import triton.language as tl
from torch import Tensor

from nerfzip.kernels.cuda.cells import cell_of, corner_of_cell
from nerfzip.kernels.cuda.launch import launch
from nerfzip.kernels.cuda.traversal import RAYS, steps_to_occupied


def composite(
    origins: Tensor,
    directions: Tensor,
    t_min: Tensor,
    step_counts: Tensor,
    mask: Tensor,
    blocks: Tensor,
    density: Tensor,
    features: Tensor,
    step: float,
    shift: float,
    interval: float,
    density_threshold: float,
    transmittance_threshold: float,
    weight_threshold: float,
    *sums: Tensor,
) -> None:
    """Write sums of features, weights and distances, and transmittance."""
    tensors = origins, directions, t_min, step_counts, mask, blocks, density, features
    thresholds = density_threshold, transmittance_threshold, weight_threshold
    launch(
        _composite,
        (triton.cdiv(len(origins), RAYS),),
        *[tensor.contiguous() for tensor in tensors],
        *sums,
        *(len(origins), *mask.shape, *blocks.shape[1:], features.shape[3]),
        *(step, shift, interval, *thresholds),
        block=RAYS,
        width=triton.next_power_of_2(features.shape[3]),
        num_warps=1,
        fuse=False,
    )


@triton.jit
def _composite(  # type: ignore[no-untyped-def]
    origins,
    directions,
    t_min,
    step_counts,
    mask,
    blocks,
    density,
    features,
    sums,
    weights,
    distances,
    transmittances,
    rays,
    size_x,
    size_y,
    size_z,
    blocks_y,
    blocks_z,
    channels,
    step,
    shift,
    interval,
    density_threshold,
    transmittance_threshold,
    weight_threshold,
    block: tl.constexpr,
    width: tl.constexpr,
):
    ray = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    c = tl.arange(0, width)
    is_ray = ray < rays
    ox, dx = tl.load(origins + 3 * ray, is_ray, 0.0), tl.load(directions + 3 * ray, is_ray, 0.0)
    oy, dy = tl.load(origins + 3 * ray + 1, is_ray, 0.0), tl.load(directions + 3 * ray + 1, is_ray, 0.0)
    oz, dz = tl.load(origins + 3 * ray + 2, is_ray, 0.0), tl.load(directions + 3 * ray + 2, is_ray, 0.0)
    entry = tl.load(t_min + ray, is_ray, 0.0)
    end = tl.load(step_counts + ray, is_ray, 0).to(tl.int32)
    total = tl.zeros([block, width], tl.float32)
    weighted, depth = tl.zeros([block], tl.float32), tl.zeros([block], tl.float32)
    transmittance = tl.full([block], 1.0, tl.float32)
    k = tl.zeros([block], tl.int32)
    while tl.max((k < end).to(tl.int32)) > 0:
        going = k < end
        t = entry + (k.to(tl.float32) + 0.5) * step
        x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
        sampled, skipped = steps_to_occupied(
            x, y, z, dx, dy, dz, going, mask, blocks, size_x, size_y, size_z, blocks_y, blocks_z, step
        )
        cx, fx = cell_of(x, size_x)
        cy, fy = cell_of(y, size_y)
        cz, fz = cell_of(z, size_z)
        value = tl.zeros([block], tl.float32)
        for corner in tl.static_range(8):
            voxel, share = corner_of_cell(corner, cx, fx, cy, fy, cz, fz, size_x, size_y, size_z)
            value += share * tl.load(density + voxel, sampled, 0.0)
        sampled = sampled & (value > density_threshold)
        left = tl.exp(-interval * tl.log(1.0 + tl.exp(value + shift)))
        weight = transmittance * (1.0 - left)
        seen = sampled & (weight > weight_threshold)
        # A warp's rays mostly see something at the same steps, and far more often nothing.
        if tl.max(seen.to(tl.int32)) > 0:
            weight = tl.where(seen, weight, 0.0)
            weighted += weight
            depth += weight * t
            for corner in tl.static_range(8):
                voxel, share = corner_of_cell(corner, cx, fx, cy, fy, cz, fz, size_x, size_y, size_z)
                inside = seen[:, None] & (c < channels)
                row = tl.load(features + voxel[:, None] * channels + c, inside, 0.0)
                total += (weight * share)[:, None] * row.to(tl.float32)
        transmittance = tl.where(sampled, transmittance * left, transmittance)
        k = tl.where(going, k + skipped, k)
        k = tl.where(transmittance < transmittance_threshold, end, k)
    tl.store(sums + ray[:, None] * channels + c, total, is_ray[:, None] & (c < channels))
    tl.store(weights + ray, weighted, is_ray)
    tl.store(distances + ray, depth, is_ray)
    tl.store(transmittances + ray, transmittance, is_ray)
