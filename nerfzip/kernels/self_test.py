"""A small case of each kernel, and whether the form that a device would use agrees with the twin."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nerfzip.kernels.absolute_deviation import add_absolute_deviation
from nerfzip.kernels.backend import form_for, use_twins
from nerfzip.kernels.bilinear import interpolate_bilinear
from nerfzip.kernels.composited_features import CompositedFeatures, composite_features
from nerfzip.kernels.gradient import VoxelGradient
from nerfzip.kernels.grouped_networks import grouped_networks
from nerfzip.kernels.hash_encoding import hash_encoding
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.kernels.marching import march_density
from nerfzip.kernels.masked_adam import masked_adam_step
from nerfzip.kernels.nearest_code import cheapest_codes, nearest_codes
from nerfzip.kernels.periodic import periodic_product
from nerfzip.kernels.tabulated import tabulated_sum
from nerfzip.kernels.total_variation import add_total_variation
from nerfzip.kernels.traversal import block_distances, hits_occupancy, traverse_occupancy
from nerfzip.kernels.trilinear import interpolate_trilinear
from nerfzip.kernels.trilinear_positions import interpolate_at_moving
from nerfzip.kernels.triplanes import sample_triplanes
from nerfzip.kernels.volume_rendering import accumulate_along_rays, render_weights

Case = Callable[[str], tuple[Tensor, ...]]
Rays = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
"""As `traverse_occupancy` takes them, with the occupancy and its blocks."""
SAMPLES, CHANNELS = 500, 12
SHAPE = (7, 5, 9)
TOLERANCE = 1e-4
STEP, SHIFT, INTERVAL = 0.01, 0.0, 0.5
ALPHA, TRANSMITTANCE, WEIGHT = 1e-3, 1e-3, 1e-4
"""Thresholds of what is seen."""


@dataclass(frozen=True)
class Finding:
    """
    Attributes:
        form: that ran, see `form_for`.
        problem: None where values and gradients agree with the twin's.
        seconds: with compiling, where nothing compiled was there yet.
    """

    kernel: str
    form: str
    problem: str | None
    seconds: float


def self_tests(device: str) -> Iterator[Finding]:
    """Of all kernels, one after another; devices as PyTorch names them."""
    for kernel, case in cases_on(device).items():
        start, problem = time.perf_counter(), None
        try:
            found = case(device)
            with use_twins():
                expected = case(device)
            torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=TOLERANCE)
        except Exception as error:
            problem = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        yield Finding(kernel, form_for(torch.zeros(0, device=device)), problem, time.perf_counter() - start)


def _random(device: str, *shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).to(device)


def _places(device: str, *shape: int) -> Tensor:
    return _random(device, SAMPLES, len(shape), seed=1) * torch.tensor(shape, device=device)


def _with_gradients(leaves: list[Tensor], run: Callable[[], Tensor]) -> tuple[Tensor, ...]:
    for leaf in leaves:
        leaf.requires_grad_()
    out = run()
    return out.detach(), *torch.autograd.grad(out.square().sum(), leaves)


def _trilinear(device: str) -> tuple[Tensor, ...]:
    grid = _random(device, *SHAPE, CHANNELS)
    return _with_gradients([grid], lambda: interpolate_trilinear(grid, _places(device, *SHAPE)))


def _moving(device: str) -> tuple[Tensor, ...]:
    grid, places = _random(device, *SHAPE, CHANNELS), 0.98 * _places(device, *SHAPE) + 0.01
    return _with_gradients([places], lambda: interpolate_at_moving(grid, places))


def _bilinear(device: str) -> tuple[Tensor, ...]:
    plane = _random(device, *SHAPE[:2], CHANNELS)
    return _with_gradients([plane], lambda: interpolate_bilinear(plane, _places(device, *SHAPE[:2])))


def _triplanes(device: str) -> tuple[Tensor, ...]:
    scales = [_random(device, 3, side, side, CHANNELS) for side in (5, 9)]
    return _with_gradients(scales, lambda: sample_triplanes(scales, _places(device, 1, 1, 1)))


def _periodic(device: str) -> tuple[Tensor, ...]:
    grids = [_random(device, *SHAPE, CHANNELS), *(_random(device, side, side, side, CHANNELS // 2) for side in (3, 5))]
    tiles = torch.tensor([[1.9, 1.5, 1.1], [3.1, 4.2, 2.0]], device=device)
    return _with_gradients(grids, lambda: periodic_product(grids[0], grids[1:], _places(device, 1, 1, 1), tiles))


def _hash(device: str) -> tuple[Tensor, ...]:
    levels = HashLevels(4, 3, 40, 2**10)
    table = _random(device, levels.rows, 2)
    return _with_gradients([table], lambda: hash_encoding(table, 2 * _places(device, 1, 1, 1) - 1, levels))


def _rendering(device: str) -> tuple[Tensor, ...]:
    alphas, colours = _random(device, SAMPLES), _random(device, SAMPLES, 3, seed=1)
    offsets = torch.tensor([0, 5, 5, 200, SAMPLES], device=device)
    pixels = _with_gradients(
        [alphas, colours], lambda: accumulate_along_rays(render_weights(alphas, offsets)[0], colours, offsets)
    )
    return pixels


def _rays(device: str) -> Rays:
    """From one corner into an occupancy, which comes last."""
    mask = _random(device, *SHAPE) > 0.7
    size = torch.tensor(SHAPE, device=device)
    origins, directions = -torch.ones(50, 3, device=device), _random(device, 50, 3, seed=1) * size + 1
    near, far = torch.zeros(50, device=device), torch.ones(50, device=device)
    occupied = mask.to(torch.uint8)
    return origins, directions, near, far, occupied, block_distances(occupied).to(device)


def _traversal(device: str) -> tuple[Tensor, ...]:
    samples = traverse_occupancy(*_rays(device), STEP)
    return samples.ray_offsets, samples.ray_indices, samples.t_starts, samples.t_ends


def _hits(device: str) -> tuple[Tensor, ...]:
    return (hits_occupancy(*_rays(device), STEP),)


def _marching(device: str) -> tuple[Tensor, ...]:
    rays, density = _rays(device), _random(device, *SHAPE, 1)
    return _with_gradients(
        [density], lambda: march_density(*rays, STEP, density, SHIFT, INTERVAL, ALPHA, TRANSMITTANCE).alphas
    )


def _composited(rays: Rays, density: Tensor, features: Tensor) -> CompositedFeatures:
    return composite_features(*rays, STEP, density, features, SHIFT, INTERVAL, ALPHA, TRANSMITTANCE, WEIGHT)


def _compositing(device: str) -> tuple[Tensor, ...]:
    seen = _composited(_rays(device), _random(device, *SHAPE, 1), _random(device, *SHAPE, CHANNELS))
    return seen.features, seen.weights, seen.distances, seen.transmittance


def _in_half(device: str) -> tuple[Tensor, ...]:
    grid = _random(device, *SHAPE, CHANNELS).bfloat16()
    seen = _composited(_rays(device), _random(device, *SHAPE, 1), grid)
    return interpolate_trilinear(grid, _places(device, *SHAPE)), seen.features


def _replayed(device: str) -> tuple[Tensor, ...]:
    """A CUDA graph of the compositing, replayed on other features than it was captured with."""
    rays, density, features = _rays(device), _random(device, *SHAPE, 1), _random(device, *SHAPE, CHANNELS)
    others = _random(device, *SHAPE, CHANNELS, seed=2)
    # Also compiles it. A twin can't be captured.
    out = _composited(rays, density, features).features
    if form_for(features) == "cuda":
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(features.device), torch.cuda.graph(graph, stream=torch.cuda.Stream(features.device)):
            out = _composited(rays, density, features).features
        features.copy_(others)
        graph.replay()
    else:
        features.copy_(others)
        out = _composited(rays, density, features).features
    return (out.clone(),)


def _touched(grid: Tensor) -> VoxelGradient:
    touched = (_random(str(grid.device), *SHAPE, seed=3) > 0.5).to(torch.uint8)
    return VoxelGradient(_random(str(grid.device), *grid.shape, seed=4) * touched[..., None], touched)


def _adam(device: str) -> tuple[Tensor, ...]:
    values, first, second = (_random(device, *SHAPE, CHANNELS, seed=seed) for seed in range(3))
    masked_adam_step(values, _touched(values), first, second, steps=7, learning_rate=0.1)
    return values, first, second


def _total_variation(device: str) -> tuple[Tensor, ...]:
    grid = _random(device, *SHAPE, CHANNELS)
    gradient = _touched(grid)
    add_total_variation(grid, gradient, 0.7)
    return (gradient.values,)


def _absolute_deviation(device: str) -> tuple[Tensor, ...]:
    grid, reference = _random(device, *SHAPE, CHANNELS), _random(device, *SHAPE, CHANNELS, seed=1)
    gradient = _touched(grid)
    add_absolute_deviation(grid, reference, gradient, 0.7)
    return (gradient.values,)


def _tabulated(device: str) -> tuple[Tensor, ...]:
    leaves = [_random(device, CHANNELS, 9), _random(device, SAMPLES, CHANNELS, seed=1)]
    return _with_gradients(leaves, lambda: tabulated_sum(leaves[0], leaves[1], -0.3, 0.2))


def _networks(device: str) -> tuple[Tensor, ...]:
    leaves = [_random(device, 7, 13, 16), _random(device, 7, 16, 3, seed=1), _random(device, SAMPLES, 13, seed=2)]
    nodes = (7 * _random(device, 5, 4, seed=3)).long()
    of_samples, weights = (5 * _random(device, SAMPLES, seed=4)).long(), _random(device, SAMPLES, 4, seed=5)
    return _with_gradients(
        leaves, lambda: grouped_networks(leaves[0], leaves[1], nodes, of_samples, weights, leaves[2])
    )


def _codes(device: str) -> tuple[Tensor, ...]:
    return (nearest_codes(_random(device, SAMPLES, CHANNELS), _random(device, 130, CHANNELS, seed=1)),)


def _cheapest_codes(device: str) -> tuple[Tensor, ...]:
    features, codebook = _random(device, SAMPLES, CHANNELS), _random(device, 130, CHANNELS, seed=1)
    weights, costs = 0.1 + _random(device, SAMPLES, seed=2), _random(device, 130, seed=3)
    return (cheapest_codes(features, weights, codebook, costs),)


CASES: dict[str, Case] = {
    "occupancy traversal": _traversal,
    "rays that meet something": _hits,
    "marching": _marching,
    "volume rendering": _rendering,
    "compositing of features": _compositing,
    "trilinear interpolation": _trilinear,
    "trilinear interpolation, by positions": _moving,
    "bilinear interpolation": _bilinear,
    "three planes": _triplanes,
    "periodic bases": _periodic,
    "hash encoding": _hash,
    "grouped networks": _networks,
    "nearest code": _codes,
    "cheapest code": _cheapest_codes,
    "masked Adam": _adam,
    "total variation": _total_variation,
    "absolute deviation": _absolute_deviation,
    "tabulated functions": _tabulated,
}
ON_CUDA: dict[str, Case] = {"bfloat16": _in_half, "CUDA graph": _replayed}
"""What runs there alone."""


def cases_on(device: str) -> dict[str, Case]:
    return CASES | (ON_CUDA if device.startswith("cuda") else {})
