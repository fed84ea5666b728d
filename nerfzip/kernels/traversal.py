"""Occupancy-skipping traversal of rays into packed samples."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import traversal as cpu
from nerfzip.kernels.twins import traversal as twin


@dataclass(frozen=True)
class PackedSamples:
    """Samples along rays, one ray after another, as in nerfacc.

    Attributes:
        t_starts, t_ends: interval of each sample, in the units of the ray's parameter; its middle is what counts.
        ray_indices: the ray of each sample, ascending.
        ray_offsets: where each ray's samples begin; one more entry than rays.
    """

    t_starts: Float[Tensor, "samples"]
    t_ends: Float[Tensor, "samples"]
    ray_indices: Int[Tensor, "samples"]
    ray_offsets: Int[Tensor, "offsets"]


def block_distances(mask: UInt8[Tensor, "x y z"]) -> UInt8[Tensor, "bx by bz"]:
    """For each block of 4³ voxels, how many blocks away (in the largest of the three axes) an occupied one is.

    Zero at blocks with an occupied voxel. What traversal skips by.
    """
    padding = [(0, -size % cpu.BLOCK) for size in mask.shape]
    padded = np.pad(mask.cpu().numpy(), padding)
    x, y, z = (size // cpu.BLOCK for size in padded.shape)
    blocks = padded.reshape(x, cpu.BLOCK, y, cpu.BLOCK, z, cpu.BLOCK).any(axis=(1, 3, 5))
    if not blocks.any():
        return torch.full((x, y, z), 255, dtype=torch.uint8)
    # A quarter of a second, which decoding a file need not pay.
    from scipy.ndimage import distance_transform_cdt

    distances = distance_transform_cdt(~blocks, metric="chessboard")
    return torch.from_numpy(np.minimum(distances, 255).astype(np.uint8))


def count_steps(t_min: Float[Tensor, "rays"], t_max: Float[Tensor, "rays"], step: float) -> Int[Tensor, "rays"]:
    """How many whole steps fit between entry and exit; here for all forms of a kernel, so that they round alike."""
    return ((t_max - t_min) / step).clamp(min=0).long()


def longest(step_counts: Int[Tensor, "rays"]) -> int:
    """The largest number of steps of any ray."""
    return int(step_counts.max()) if len(step_counts) else 0


def ray_offsets_of(counts: Int[Tensor, "rays"]) -> Int[Tensor, "offsets"]:
    """Where each ray's samples begin, and after the last where they end."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def traverse_occupancy(
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    t_min: Float[Tensor, "rays"],
    t_max: Float[Tensor, "rays"],
    mask: UInt8[Tensor, "x y z"],
    blocks: UInt8[Tensor, "bx by bz"],
    step: float,
) -> PackedSamples:
    """Cut rays into equal steps and keep those whose middle lies in an occupied voxel.

    Args:
        origins, directions: in voxels, where (0, 0, 0) is the centre of the first voxel; directions need not be unit.
        t_min, t_max: where each ray enters and leaves the grid, in multiples of its direction.
        mask: 1 at occupied voxels; the voxel nearest to a position counts.
        blocks: `block_distances(mask)`.
        step: length of a step, in multiples of the direction.
    """
    step_counts, form = count_steps(t_min, t_max, step), form_for(origins, in_nerfacc=True)
    if form == "cpu":
        steps = torch.empty((len(origins), longest(step_counts)), dtype=torch.int32)
        counts = torch.zeros(len(origins), dtype=torch.int64)
        cpu.traverse(
            origins.numpy(),
            directions.numpy(),
            t_min.numpy(),
            step_counts.numpy(),
            mask.numpy(),
            blocks.numpy(),
            np.float32(step),
            steps.numpy(),
            counts.numpy(),
        )
        offsets = ray_offsets_of(counts)
        samples = int(offsets[-1])
        ray_indices = torch.empty(samples, dtype=torch.int64)
        t_starts, t_ends = torch.empty(samples), torch.empty(samples)
        cpu.pack_intervals(
            t_min.numpy(),
            np.float32(step),
            steps.numpy(),
            offsets.numpy(),
            ray_indices.numpy(),
            t_starts.numpy(),
            t_ends.numpy(),
        )
        return PackedSamples(t_starts, t_ends, ray_indices, offsets)
    if form == "cuda":
        from nerfzip.kernels.cuda.traversal import Walk

        walk = Walk(origins, directions, t_min, step_counts, mask, blocks, step)
        ray_indices, steps, offsets = walk.samples()
        entries = t_min[ray_indices]
        return PackedSamples(entries + steps * step, entries + (steps + 1) * step, ray_indices, offsets)
    if form == "nerfacc":
        from nerfzip.kernels.nerfacc import traversal as nerfacc

        return PackedSamples(*nerfacc.traverse(origins, directions, t_min, step_counts, mask, step))
    t, sampled = twin.traverse(origins, directions, t_min, step_counts, mask, step)
    ray_indices = sampled.nonzero()[:, 0]
    offsets = ray_offsets_of(sampled.sum(dim=1))
    return PackedSamples(t[sampled] - step / 2, t[sampled] + step / 2, ray_indices, offsets)


def hits_occupancy(
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    t_min: Float[Tensor, "rays"],
    t_max: Float[Tensor, "rays"],
    mask: UInt8[Tensor, "x y z"],
    blocks: UInt8[Tensor, "bx by bz"],
    step: float,
) -> Bool[Tensor, "rays"]:
    """Whether `traverse_occupancy` with the same arguments would give a ray any sample."""
    step_counts, form = count_steps(t_min, t_max, step), form_for(origins, in_nerfacc=True)
    if form == "cuda":
        from nerfzip.kernels.cuda.traversal import Walk

        return Walk(origins, directions, t_min, step_counts, mask, blocks, step).hits()
    if form == "nerfacc":
        from nerfzip.kernels.nerfacc import traversal as nerfacc

        *_, offsets = nerfacc.traverse(origins, directions, t_min, step_counts, mask, step)
        return offsets.diff() > 0
    if form == "twin":
        return twin.traverse(origins, directions, t_min, step_counts, mask, step)[1].any(dim=1)
    out = torch.empty(len(origins), dtype=torch.bool)
    rays = (origins.numpy(), directions.numpy(), t_min.numpy(), step_counts.numpy())
    cpu.hits(*rays, mask.numpy(), blocks.numpy(), np.float32(step), out.numpy())
    return out
