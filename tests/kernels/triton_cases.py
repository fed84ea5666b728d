"""What each Triton kernel is tested on: functions that run it on a device, and return its values and gradients."""

from collections.abc import Callable

import torch
from kernel_cases import Shape, random_mask, random_rays, seeded
from torch import Tensor

from nerfzip.kernels import (
    VoxelGradient,
    accumulate_along_rays,
    add_absolute_deviation,
    add_total_variation,
    composite_features,
    interpolate_at_moving,
    interpolate_bilinear,
    interpolate_trilinear,
    march_density,
    masked_adam_step,
    render_weights,
    traverse_occupancy,
)
from nerfzip.kernels.grouped_networks import grouped_networks
from nerfzip.kernels.hash_encoding import hash_encoding
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.kernels.nearest_code import cheapest_codes, nearest_codes
from nerfzip.kernels.periodic import periodic_product
from nerfzip.kernels.tabulated import tabulated_sum
from nerfzip.kernels.traversal import block_distances, hits_occupancy
from nerfzip.kernels.triplanes import sample_triplanes

STEP = 0.02

Results = tuple[Tensor, ...]
Run = Callable[[str], Results]


def normal(device: str, *shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=seeded(seed)).to(device)


def places(device: str, samples: int, shape: tuple[int, ...]) -> Tensor:
    """In cells: inside, outside and exactly at the centres of cells."""
    positions = (1.6 * torch.rand(samples, len(shape), generator=seeded(1)) - 0.3) * torch.tensor(shape)
    positions[: samples // 5] = positions[: samples // 5].round()
    return positions.to(device)


def with_gradients(out: Tensor | Results, leaves: list[Tensor]) -> Results:
    """What a kernel returns, then the gradients by `leaves` of a random sum of it."""
    parts = (out,) if isinstance(out, Tensor) else out
    upstream = [normal(str(part.device), *part.shape, seed=seed) for seed, part in enumerate(parts)]
    return *(part.detach() for part in parts), *torch.autograd.grad(parts, leaves, upstream)


def trilinear(shape: Shape, channels: int, samples: int) -> Run:
    def run(device: str) -> Results:
        grid = normal(device, *shape, channels).requires_grad_()
        return with_gradients(interpolate_trilinear(grid, places(device, samples, shape)), [grid])

    return run


def collected(device: str) -> Results:
    """A gradient that is added to another, and marks."""
    grid = normal(device, 5, 4, 6, 3).requires_grad_()
    gradient = VoxelGradient.like(grid)
    for samples in (9, 5):
        interpolate_trilinear(grid, places(device, samples, (5, 4, 6)), gradient).square().sum().backward()
    return gradient.values, gradient.touched


def in_half(device: str) -> Results:
    """Grids of bfloat16 alone, looked up and composited."""
    scene, density = rays_through(device, 40, (17, 9, 13), 0.3), normal(device, 17, 9, 13, 1, seed=3)
    features = normal(device, 17, 9, 13, 5, seed=4).bfloat16()
    looked_up = interpolate_trilinear(features, places(device, 30, (17, 9, 13)))
    seen = composite_features(*scene, STEP, density, features, -2.0, 0.5, 0.05, 0.2, 0.03)
    return looked_up, seen.features


def moving(shape: Shape, channels: int, samples: int) -> Run:
    def run(device: str) -> Results:
        # Not at centres, where the gradient jumps.
        positions = (places(device, samples, shape) * 0.98 + 0.017).requires_grad_()
        return with_gradients(interpolate_at_moving(normal(device, *shape, channels), positions), [positions])

    return run


def bilinear(shape: tuple[int, int], channels: int, samples: int) -> Run:
    def run(device: str) -> Results:
        plane = normal(device, *shape, channels).requires_grad_()
        return with_gradients(interpolate_bilinear(plane, places(device, samples, shape)), [plane])

    return run


def triplanes(sizes: list[tuple[int, int]], channels: int, samples: int) -> Run:
    def run(device: str) -> Results:
        scales = [normal(device, 3, *size, channels).requires_grad_() for size in sizes]
        return with_gradients(sample_triplanes(scales, places(device, samples, (1, 1, 1))), scales)

    return run


def periodic(levels: list[tuple[int, int]], samples: int) -> Run:
    def run(device: str) -> Results:
        coefficients = normal(device, 6, 5, 4, sum(channels for _, channels in levels))
        bases = [normal(device, size, size, size, channels, seed=size) for size, channels in levels]
        grids = [grid.requires_grad_() for grid in (coefficients, *bases)]
        tiles = torch.tensor([[1.94, 1.5, 1.1], [3.1, 4.2, 2.0]], device=device)[: len(levels)]
        positions = torch.rand(samples, 3, generator=seeded(1)).to(device)
        return with_gradients(periodic_product(grids[0], grids[1:], positions, tiles), grids)

    return run


def hashed(levels: HashLevels, features: int, samples: int) -> Run:
    def run(device: str) -> Results:
        table = normal(device, levels.rows, features).requires_grad_()
        positions = places(device, samples, (2, 2, 2)) - 1
        positions[:1] = torch.nan
        return with_gradients(hash_encoding(table, positions, levels), [table])

    return run


def weighted(counts: list[int]) -> Run:
    """Some of the samples are opaque, and some empty."""

    def run(device: str) -> Results:
        alphas = (1.6 * torch.rand(sum(counts), generator=seeded(0)) - 0.3).clamp(0, 1).to(device).requires_grad_()
        return with_gradients(render_weights(alphas, offsets_of(counts, device)), [alphas])

    return run


def accumulated(counts: list[int], channels: int) -> Run:
    def run(device: str) -> Results:
        leaves = [normal(device, sum(counts)).requires_grad_(), normal(device, sum(counts), channels).requires_grad_()]
        return with_gradients(accumulate_along_rays(*leaves, offsets_of(counts, device)), leaves)

    return run


def offsets_of(counts: list[int], device: str) -> Tensor:
    return torch.tensor([0, *counts], device=device).cumsum(0)


def adam(shape: Shape, channels: int, own_rates: bool) -> Run:
    def run(device: str) -> Results:
        parameters, first = normal(device, *shape, channels), normal(device, *shape, channels, seed=1)
        second = normal(device, *shape, channels, seed=2).square()
        gradient = touched_at_random(parameters)
        rates = torch.rand(shape, generator=seeded(3)).to(device) if own_rates else None
        masked_adam_step(parameters, gradient, first, second, steps=7, learning_rate=0.1, rates=rates)
        return parameters, first, second, gradient.values, gradient.touched

    return run


def touched_at_random(grid: Tensor) -> VoxelGradient:
    touched = random_mask((grid.shape[0], grid.shape[1], grid.shape[2]), 0.5, seed=4).to(grid.device)
    return VoxelGradient(normal(str(grid.device), *grid.shape, seed=5) * touched[..., None], touched)


def total_variation(shape: Shape, channels: int) -> Run:
    def run(device: str) -> Results:
        grid = normal(device, *shape, channels)
        gradient = touched_at_random(grid)
        add_total_variation(grid, gradient, 0.7)
        return (gradient.values,)

    return run


def absolute_deviation(shape: Shape, channels: int) -> Run:
    def run(device: str) -> Results:
        grid, reference = normal(device, *shape, channels).round(), normal(device, *shape, channels, seed=1).round()
        gradient = touched_at_random(grid)
        add_absolute_deviation(grid, reference, gradient, 0.7)
        return (gradient.values,)

    return run


def tabulated(count: int, channels: int, knots: int) -> Run:
    def run(device: str) -> Results:
        leaves = [normal(device, channels, knots).requires_grad_(), normal(device, count, channels).requires_grad_()]
        return with_gradients(tabulated_sum(leaves[0], leaves[1], -1.3, 0.25), leaves)

    return run


def grouped(samples: int, networks: int, bins: int, near: int, inputs: int, hidden: int, outputs: int = 3) -> Run:
    def run(device: str) -> Results:
        before, behind = normal(device, networks, inputs, hidden), normal(device, networks, hidden, outputs, seed=1)
        leaves = [tensor.requires_grad_() for tensor in (before, behind, normal(device, samples, inputs, seed=2))]
        nodes = torch.randint(networks, (bins, near), generator=seeded(3)).to(device)
        of_samples = torch.randint(bins, (samples,), generator=seeded(4)).to(device)
        weights = torch.rand(samples, near, generator=seeded(5)).to(device)
        return with_gradients(grouped_networks(*leaves[:2], nodes, of_samples, weights, leaves[2]), leaves)

    return run


def codes(vectors: int, count: int, channels: int) -> Run:
    def run(device: str) -> Results:
        features, codebook = normal(device, vectors, channels), normal(device, count, channels, seed=1)
        weights = torch.rand(vectors, generator=seeded(2)).to(device) + 0.1
        costs = torch.rand(count, generator=seeded(3)).to(device)
        return nearest_codes(features, codebook), cheapest_codes(features, weights, codebook, costs)

    return run


def rays_through(device: str, rays: int, shape: Shape, occupied: float) -> tuple[Tensor, ...]:
    case, mask = random_rays(rays, shape, seed=1), random_mask(shape, occupied, seed=2)
    tensors = case.origins, case.directions, case.t_min, case.t_max, mask, block_distances(mask)
    return tuple(tensor.to(device) for tensor in tensors)


def along_rays(rays: int, shape: Shape, occupied: float) -> tuple[Run, Run, Run]:
    """Traversal, marching with its gradient, and compositing."""

    def scene(device: str) -> tuple[Tensor, ...]:
        return rays_through(device, rays, shape, occupied)

    def traverse(device: str) -> Results:
        arguments = scene(device)
        samples = traverse_occupancy(*arguments, STEP)
        intervals = samples.t_starts, samples.t_ends
        return samples.ray_offsets, samples.ray_indices, *intervals, hits_occupancy(*arguments, STEP)

    def march(device: str) -> Results:
        density = normal(device, *shape, 1, seed=3).requires_grad_()
        samples = march_density(*scene(device), STEP, density, -2.0, 0.5, 0.05, 0.2)
        found = samples.ray_offsets, samples.ray_indices, samples.distances, samples.positions
        return *found, *with_gradients(samples.alphas, [density])

    def composite(device: str) -> Results:
        density, features = normal(device, *shape, 1, seed=3), normal(device, *shape, 5, seed=4)
        seen = composite_features(*scene(device), STEP, density, features, -2.0, 0.5, 0.05, 0.2, 0.03)
        return seen.features, seen.weights, seen.distances, seen.transmittance

    return traverse, march, composite


RAYS = {
    "no rays": along_rays(0, (2, 3, 4), 1.0),
    "one voxel": along_rays(5, (1, 1, 1), 1.0),
    "nothing occupied": along_rays(5, (5, 6, 7), 0.0),
    "all occupied": along_rays(9, (5, 3, 4), 1.0),
    "much to skip": along_rays(40, (17, 9, 13), 0.02),
}
CASES: dict[str, Run] = {
    "trilinear, no samples": trilinear((3, 4, 5), 3, 0),
    "trilinear, one voxel": trilinear((1, 1, 1), 1, 7),
    "trilinear, flat": trilinear((7, 1, 13), 12, 30),
    "trilinear, two blocks": trilinear((4, 8, 4), 5, 50),
    "trilinear, collected": collected,
    "trilinear, half precision": in_half,
    "moving, no samples": moving((3, 4, 5), 3, 0),
    "moving, flat": moving((7, 1, 13), 12, 30),
    "moving, two blocks": moving((4, 8, 4), 5, 50),
    "bilinear, no samples": bilinear((3, 4), 3, 0),
    "bilinear, one cell": bilinear((1, 1), 1, 7),
    "bilinear, two blocks": bilinear((5, 9), 12, 30),
    "triplanes, no samples": triplanes([(4, 7)], 2, 0),
    "triplanes, one cell": triplanes([(1, 1), (6, 2)], 3, 7),
    "triplanes, two blocks": triplanes([(4, 7), (9, 3)], 8, 50),
    "periodic, no samples": periodic([(5, 4)], 0),
    "periodic, one voxel": periodic([(1, 1), (5, 3)], 7),
    "periodic, two blocks": periodic([(7, 2), (9, 3)], 150),
    "hash, no samples": hashed(HashLevels(2, 3, 9, 2**7), 2, 0),
    "hash, one level": hashed(HashLevels(1, 5, 9, 2**7), 1, 9),
    "hash, two blocks": hashed(HashLevels(4, 3, 40, 2**10), 3, 90),
    "weights, no rays": weighted([]),
    "weights, no samples": weighted([0, 0, 0]),
    "weights, two chunks": weighted([5, 0, 1, 70, 32, 33]),
    "accumulate, no rays": accumulated([], 3),
    "accumulate, no samples": accumulated([0, 0, 0], 3),
    "accumulate, one channel": accumulated([5, 0, 1], 1),
    "accumulate, two chunks": accumulated([5, 0, 1, 70, 32, 33], 5),
    "Adam, one voxel": adam((1, 1, 1), 1, own_rates=False),
    "Adam, two blocks": adam((5, 3, 2), 12, own_rates=False),
    "Adam, rates": adam((3, 5, 2), 3, own_rates=True),
    "total variation, one voxel": total_variation((1, 1, 1), 2),
    "total variation, two blocks": total_variation((5, 3, 2), 12),
    "absolute deviation": absolute_deviation((5, 3, 2), 12),
    "tabulated, no values": tabulated(0, 3, 5),
    "tabulated, two blocks": tabulated(50, 5, 9),
    "networks, no samples": grouped(0, networks=4, bins=4, near=1, inputs=5, hidden=8),
    "networks, one sample": grouped(1, networks=9, bins=4, near=4, inputs=24, hidden=16),
    "networks, narrow": grouped(9, networks=2, bins=3, near=1, inputs=1, hidden=1, outputs=1),
    "networks, blocks not full": grouped(150, networks=7, bins=5, near=3, inputs=13, hidden=21, outputs=2),
    "networks, the paper's sizes": grouped(60, networks=16, bins=9, near=4, inputs=47, hidden=32),
    "codes, no vectors": codes(0, 3, 2),
    "codes, one": codes(1, 1, 1),
    "codes, two blocks": codes(70, 130, 12),
    "codes, many channels": codes(9, 20, 27),
    **{f"traversal, {name}": traverse for name, (traverse, _, _) in RAYS.items()},
    **{f"marching, {name}": march for name, (_, march, _) in RAYS.items()},
    **{f"compositing, {name}": composite for name, (_, _, composite) in RAYS.items()},
}
