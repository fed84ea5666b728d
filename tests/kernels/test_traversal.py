import itertools

import numpy as np
import pytest
import torch
from kernel_cases import (
    SHAPES,
    STEP,
    VOXELS_PER_UNIT,
    RayCase,
    Shape,
    candidates,
    random_mask,
    random_rays,
    seeded,
)
from torch import Tensor

from nerfzip.kernels import PackedSamples, traverse_occupancy, use_twins
from nerfzip.kernels.traversal import block_distances, hits_occupancy


def traverse(case: RayCase, mask: Tensor, blocks: Tensor | None = None, step: float = STEP) -> PackedSamples:
    blocks = block_distances(mask) if blocks is None else blocks
    return traverse_occupancy(case.origins, case.directions, case.t_min, case.t_max, mask, blocks, step)


def steps_of(case: RayCase, samples: PackedSamples, ray: int, step: float = STEP) -> np.ndarray:
    begin, end = samples.ray_offsets[ray : ray + 2].tolist()
    assert bool((samples.ray_indices[begin:end] == ray).all())
    return ((samples.t_starts[begin:end] - case.t_min[ray]) / step).round().long().numpy()


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("occupied", [0.02, 0.5])
def test_samples_are_the_steps_in_occupied_voxels(shape: Shape, occupied: float, twins: bool) -> None:
    case, mask = random_rays(150, shape, seed=1), random_mask(shape, occupied, seed=2)
    with use_twins(twins):
        samples = traverse(case, mask)
    checked = 0
    for ray in range(150):
        expected = candidates(case, ray, mask)
        found = np.zeros(len(expected.occupied), bool)
        found[steps_of(case, samples, ray)] = True
        assert np.array_equal(found[expected.certain], expected.occupied[expected.certain])
        checked += int(expected.certain.sum())
    assert checked > 30
    assert torch.allclose(samples.t_ends - samples.t_starts, torch.tensor(STEP), atol=1e-6)


@pytest.mark.parametrize("occupied", [0.0, 0.0005, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_skipping_misses_nothing(occupied: float, seed: int) -> None:
    """Blocks of distance zero make the same compiled code look at every step."""
    sizes = torch.randint(1, 45, (3,), generator=seeded(seed)).tolist()
    shape = (sizes[0], sizes[1], sizes[2])
    case, mask = random_rays(500, shape, seed), random_mask(shape, occupied, seed)
    blocks = block_distances(mask)
    skipping, exhaustive = traverse(case, mask, blocks), traverse(case, mask, torch.zeros_like(blocks))
    assert torch.equal(skipping.ray_offsets, exhaustive.ray_offsets)
    assert torch.equal(skipping.t_starts, exhaustive.t_starts)
    hits = hits_occupancy(case.origins, case.directions, case.t_min, case.t_max, mask, blocks, STEP)
    assert torch.equal(hits, exhaustive.ray_offsets.diff() > 0)


@pytest.mark.parametrize("tilt", [0.0, 1e-9, 1e-7, 1e-5, 1e-3, 0.1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_skipping_misses_nothing_at_the_border_of_a_block(tilt: float, sign: int) -> None:
    """Rays that creep across the border between an empty and a full block, from the nearest floats beside it."""
    mask = torch.zeros(16, 16, 16, dtype=torch.uint8)
    mask[8:, :, :] = 1
    mask = mask if sign > 0 else mask.flip(0)
    rays = 200
    origins = torch.full((rays, 3), 7.5)
    origins[:, 0] += sign * (torch.arange(rays) - rays // 2) * 4.8e-7
    origins[:, 2] = -1.0
    directions = VOXELS_PER_UNIT * torch.tensor([sign * tilt, 0.0, 1.0]).repeat(rays, 1)
    case = RayCase(origins, directions, torch.zeros(rays), torch.full((rays,), 17 / VOXELS_PER_UNIT))
    blocks = block_distances(mask)
    skipping, exhaustive = traverse(case, mask, blocks, 1e-4), traverse(case, mask, torch.zeros_like(blocks), 1e-4)
    assert torch.equal(skipping.ray_offsets, exhaustive.ray_offsets)
    assert torch.equal(skipping.t_starts, exhaustive.t_starts)


def test_compiled_kernel_and_twin_end_at_the_same_step() -> None:
    """Exits at whole numbers of steps, where the rounding of the division decides."""
    case = random_rays(3000, (20, 30, 10), seed=3)
    steps = ((case.t_max - case.t_min) / STEP).clamp(min=0).long()
    case = RayCase(case.origins, case.directions, case.t_min, case.t_min + steps * STEP)
    mask = torch.ones(20, 30, 10, dtype=torch.uint8)
    compiled = traverse(case, mask)
    with use_twins():
        twin = traverse(case, mask)
    assert torch.equal(compiled.ray_offsets, twin.ray_offsets)
    assert torch.allclose(compiled.t_starts, twin.t_starts, atol=1e-5)
    assert bool(((compiled.ray_offsets.diff() - steps).abs() <= 1).all())


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("rays", [0, 3])
def test_nothing_to_find(twins: bool, rays: int) -> None:
    """No rays; rays whose exit lies before their entry; an empty grid."""
    mask = torch.ones(5, 6, 7, dtype=torch.uint8)
    misses = RayCase(torch.zeros(rays, 3), torch.ones(rays, 3), torch.ones(rays), torch.full((rays,), -1e9))
    crossing = RayCase(misses.origins, misses.directions, torch.zeros(rays), torch.full((rays,), 4.0))
    for case, cells in ((misses, mask), (crossing, torch.zeros_like(mask))):
        blocks = block_distances(cells)
        with use_twins(twins):
            samples = traverse(case, cells, blocks, step=0.5)
            hits = hits_occupancy(case.origins, case.directions, case.t_min, case.t_max, cells, blocks, 0.5)
        assert len(samples.t_starts) == len(samples.t_ends) == len(samples.ray_indices) == 0
        assert samples.ray_offsets.tolist() == [0] * (rays + 1)
        assert hits.tolist() == [False] * rays


def test_a_ray_along_an_axis() -> None:
    """From z = −1 in steps of half a voxel: middles at −0.75, −0.25, …; voxel 2 spans 1.5 to 2.5."""
    mask = torch.zeros(1, 1, 4, dtype=torch.uint8)
    mask[0, 0, 2] = 1
    ray = RayCase(
        torch.tensor([[0.0, 0.0, -1.0]]), torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1), torch.full((1,), 5.0)
    )
    samples = traverse(ray, mask, step=0.5)
    assert samples.t_starts.tolist() == [2.5, 3.0]
    assert samples.t_ends.tolist() == [3.0, 3.5]


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 4, 4), (9, 17, 30)])
@pytest.mark.parametrize("occupied", [0.0, 0.002, 0.05])
def test_block_distances(shape: Shape, occupied: float) -> None:
    mask = random_mask(shape, occupied, seed=4)
    full = (mask.nonzero() // 4).unique(dim=0)
    blocks = block_distances(mask)
    assert blocks.shape == tuple(-(-size // 4) for size in shape)
    for block in itertools.product(*map(range, blocks.shape)):
        nearest = int((full - torch.tensor(block)).abs().amax(dim=1).min()) if len(full) else 255
        assert int(blocks[block]) == nearest
