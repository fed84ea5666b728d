"""What `benchmarks.kernels` times: each kernel at the sizes of a training iteration."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks._timing import nothing
from nerfzip.fields.basis_geometry import BasisBudget
from nerfzip.geometry import Box, Rays, intersect_box
from nerfzip.kernels import (
    VoxelGradient,
    accumulate_along_rays,
    add_absolute_deviation,
    add_total_variation,
    composite_features,
    interpolate_bilinear,
    interpolate_trilinear,
    march_density,
    masked_adam_step,
    render_weights,
    splat_trilinear,
    traverse_occupancy,
)
from nerfzip.kernels.grouped_networks import grouped_networks
from nerfzip.kernels.hash_encoding import hash_encoding
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.kernels.nearest_code import nearest_codes
from nerfzip.kernels.periodic import periodic_product
from nerfzip.kernels.tabulated import tabulated_sum
from nerfzip.kernels.traversal import block_distances, hits_occupancy
from nerfzip.kernels.triplanes import sample_triplanes

RESOLUTION = (114, 196, 140)
CHANNELS = 12
STEP = 0.5
SHELL = 2.5
"""Half the thickness of what is occupied, in voxels."""
OPAQUE = 1.2
"""Half the thickness of what is dense, in voxels."""
SHIFT, INTERVAL, ALPHA_THRESHOLD, TRANSMITTANCE_THRESHOLD, WEIGHT_THRESHOLD = -4.6, 0.5, 1e-3, 1e-3, 1e-4
ACTIVATION = (SHIFT, INTERVAL, ALPHA_THRESHOLD, TRANSMITTANCE_THRESHOLD)
CODES, VECTORS = 4096, 16_384
PLANE = (256, 256)
PERIODIC = BasisBudget(
    5_308_416, 1 / 9, [32, 51, 70, 89, 108, 128], [4, 4, 4, 2, 2, 2], [2, 3.2, 4.4, 5.6, 6.8, 8], 768, 300
)
"""The published sizes of JointRF's grids."""
HASH_SAMPLES, HASH_FEATURES = 131_072, 2
TRIPLANE_SIZES, TRIPLANE_CHANNELS, TRIPLANE_SAMPLES = (64, 128), 32, 131_072
"""The published sizes of CodecNeRF's planes."""
NETWORKS, NETWORK_BINS, NETWORKS_NEAR, NETWORK_INPUTS, NETWORK_HIDDEN, NETWORK_SAMPLES = 256, 289, 4, 79, 32, 131_072
"""The published sizes of a colour map of the MLP maps."""

Run = Callable[[], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        make: called under `use_twins` or not; returns what is to be timed, and its results.
        agree: raises unless the results of both sides are alike.
        prepare: called before each run.
        others: further ways to do the same.
        moved: bytes that a gather or scatter asks for, cached or not: all corners of all samples, and the rest once.
        in_nerfacc: nerfacc has it too.
    """

    name: str
    make: Callable[[], Run]
    agree: Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], None]
    prepare: Callable[[], None] = nothing
    others: tuple[tuple[str, Run], ...] = ()
    moved: int = 0
    in_nerfacc: bool = False


@dataclass(frozen=True)
class Scene:
    """Rays through a bumpy shell; positions in voxels."""

    origins: Tensor
    directions: Tensor
    t_min: Tensor
    t_max: Tensor
    mask: Tensor
    blocks: Tensor
    density: Tensor

    @property
    def traversal(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, float]:
        return (self.origins, self.directions, self.t_min, self.t_max, self.mask, self.blocks, STEP)


def bumpy_shell(rays: int) -> Scene:
    """All rays aim at the shell, as in training, from six times its size away."""
    size = torch.tensor(RESOLUTION)
    centre, radius = (size - 1) / 2, size * 0.42
    offset = torch.stack(torch.meshgrid(*map(torch.arange, RESOLUTION), indexing="ij"), dim=-1) - centre
    bumps = 3 * (offset / 6).sin().sum(dim=-1)
    signed_distance = ((offset / radius).norm(dim=-1) - 1) * float(radius.min()) + bumps
    mask = (signed_distance.abs() < SHELL).to(torch.uint8)
    density = 8 * (OPAQUE - signed_distance.abs())

    targets = mask.nonzero()[torch.randint(int(mask.sum()), (rays,))].float()
    origins = centre + 6 * float(size.max()) * torch.nn.functional.normalize(torch.randn(rays, 3), dim=1)
    directions = torch.nn.functional.normalize(targets - origins, dim=1)
    box = Box((0.0, 0.0, 0.0), (RESOLUTION[0] - 1.0, RESOLUTION[1] - 1.0, RESOLUTION[2] - 1.0))
    t_min, t_max = intersect_box(Rays(origins, directions), box, near=0.0)
    return Scene(origins, directions, t_min, t_max, mask, block_distances(mask).to(mask.device), density[..., None])


def moved_bytes(samples: int, corners: int, channels: int, axes: int) -> int:
    """Of float32: corners of `channels` values, which a scatter reads and writes, a row of as many, and a position."""
    return 4 * samples * (corners * channels + channels + axes)


def close(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> None:
    torch.testing.assert_close(first, second, atol=1e-3, rtol=1e-3)


def same_rays(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> None:
    """Numbers of samples (or other numbers) per ray; positions on a voxel's border may fall to either side."""
    for one, other in zip(first, second, strict=True):
        different = float(((one - other).abs() > 1e-3).float().mean())
        assert different < 0.01, f"{different:.2%} of the rays differ"


def same_codes(features: Tensor, codebook: Tensor) -> Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], None]:
    def agree(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> None:
        distances = [(features - codebook[indices]).norm(dim=1) for (indices,) in (first, second)]
        torch.testing.assert_close(distances[0], distances[1], atol=1e-4, rtol=1e-4)

    return agree


def backward_of(forward: Run, leaves: tuple[Tensor, ...]) -> Run:
    """The backward pass alone; its results are the gradients of `leaves`."""
    out = [part for part in forward() if part.requires_grad]
    upstream = [torch.linspace(0, 9, part.numel()).sin().view_as(part) for part in out]
    return lambda: torch.autograd.grad(out, leaves, upstream, retain_graph=True)


def collecting_backward(forward: Callable[[VoxelGradient], Tensor], grid: Tensor) -> Run:
    """As `backward_of`, for a gradient that is collected voxel by voxel."""
    collected = VoxelGradient.like(grid)
    out = forward(collected)
    upstream = torch.linspace(0, 9, out.numel()).sin().view_as(out)

    def run() -> tuple[Tensor, ...]:
        torch.autograd.grad(out, grid, upstream, retain_graph=True, allow_unused=True)
        return (collected.values,)

    return run


def traversal_cases(scene: Scene) -> Iterator[Case]:
    def traverse() -> tuple[Tensor, ...]:
        samples = traverse_occupancy(*scene.traversal)
        return (samples.ray_offsets.diff(),)

    yield Case("traverse_occupancy", lambda: traverse, same_rays, in_nerfacc=True)
    hits = lambda: lambda: (hits_occupancy(*scene.traversal).int(),)  # noqa: E731
    yield Case("hits_occupancy", hits, same_rays, in_nerfacc=True)

    density = scene.density.clone().requires_grad_()

    def march() -> tuple[Tensor, ...]:
        samples = march_density(*scene.traversal, density, *ACTIVATION)
        return samples.ray_offsets.diff(), render_weights(samples.alphas.detach(), samples.ray_offsets)[1]

    def march_collecting(collected: VoxelGradient) -> Tensor:
        return march_density(*scene.traversal, density, *ACTIVATION, collected).alphas

    yield Case("march_density", lambda: march, same_rays, in_nerfacc=True)
    # The upstream gradient goes by sample, so that one sample more or less would shift all of them: no comparison here,
    # tests/kernels has it.
    yield Case("  backward", lambda: collecting_backward(march_collecting, density), lambda first, second: None)


def compositing_case(scene: Scene) -> Case:
    features = torch.randn(*RESOLUTION, CHANNELS)

    def at_once() -> tuple[Tensor, ...]:
        seen = composite_features(*scene.traversal, scene.density, features, *ACTIVATION, WEIGHT_THRESHOLD)
        return seen.transmittance, seen.weights

    @torch.no_grad()
    def in_parts() -> tuple[Tensor, ...]:
        samples = march_density(*scene.traversal, scene.density, *ACTIVATION)
        weights, transmittance = render_weights(samples.alphas, samples.ray_offsets)
        visible = (weights > WEIGHT_THRESHOLD).nonzero()[:, 0]
        offsets = torch.searchsorted(visible, samples.ray_offsets)
        looked_up = interpolate_trilinear(features, samples.positions[visible])
        accumulate_along_rays(weights[visible], looked_up, offsets)
        others = torch.stack([torch.ones_like(visible), samples.distances[visible]], dim=1)
        return transmittance, accumulate_along_rays(weights[visible], others, offsets)[:, 0]

    same_rays(at_once(), in_parts())
    return Case("composite_features", lambda: at_once, same_rays, others=(("in parts", in_parts),))


def trilinear_cases(positions: Tensor) -> Iterator[Case]:
    grid = torch.randn(*RESOLUTION, CHANNELS, requires_grad=True)
    channels_first = grid.detach().permute(3, 0, 1, 2)[None].contiguous().requires_grad_()
    coordinates = (2 * positions / (torch.tensor(RESOLUTION) - 1) - 1).flip(-1)[None, None, None]

    def torchs() -> tuple[Tensor, ...]:
        sampled = torch.nn.functional.grid_sample(
            channels_first, coordinates, padding_mode="border", align_corners=True
        )
        return (sampled[0, :, 0, 0].T,)

    def ours() -> tuple[Tensor, ...]:
        return (interpolate_trilinear(grid, positions),)

    close(ours(), torchs())
    gathered = moved_bytes(len(positions), corners=8, channels=CHANNELS, axes=3)
    scattered = moved_bytes(len(positions), corners=16, channels=CHANNELS, axes=3)
    yield Case("interpolate_trilinear", lambda: ours, close, others=(("grid_sample", torchs),), moved=gathered)
    yield Case(
        "  backward",
        lambda: collecting_backward(lambda collected: interpolate_trilinear(grid, positions, collected), grid),
        close,
        others=(("grid_sample", backward_of(torchs, (channels_first,))),),
        moved=scattered,
    )
    amounts = torch.rand(len(positions), 1)

    def splatting() -> Run:
        target = VoxelGradient.like(torch.empty(*RESOLUTION, 1))

        def splat() -> tuple[Tensor, ...]:
            splat_trilinear(target.values, target.touched, positions, amounts)
            return (target.values,)

        return splat

    moved = moved_bytes(len(positions), corners=16, channels=1, axes=3)
    yield Case("splat_trilinear, 1 channel", splatting, close, moved=moved)


def bilinear_cases(positions: Tensor) -> Iterator[Case]:
    plane = torch.randn(*PLANE, CHANNELS, requires_grad=True)
    on_plane = positions[:, :2] / torch.tensor(RESOLUTION[:2]) * torch.tensor(PLANE)

    def forward() -> tuple[Tensor, ...]:
        return (interpolate_bilinear(plane, on_plane),)

    gathered = moved_bytes(len(positions), corners=4, channels=CHANNELS, axes=2)
    yield Case("interpolate_bilinear", lambda: forward, close, moved=gathered)
    scattered = moved_bytes(len(positions), corners=8, channels=CHANNELS, axes=2)
    yield Case("  backward", lambda: backward_of(forward, (plane,)), close, moved=scattered)


def rendering_cases(alphas: Tensor, offsets: Tensor) -> Iterator[Case]:
    leaf = alphas.clone().requires_grad_()

    def weigh() -> tuple[Tensor, ...]:
        return render_weights(leaf, offsets)

    yield Case("render_weights", lambda: weigh, close, in_nerfacc=True)
    yield Case("  backward", lambda: backward_of(weigh, (leaf,)), close, in_nerfacc=True)

    weights = weigh()[0].detach().requires_grad_()
    for channels in (3, CHANNELS):
        values = torch.rand(len(weights), channels, requires_grad=True)

        def accumulate(values: Tensor = values) -> tuple[Tensor, ...]:
            return (accumulate_along_rays(weights, values, offsets),)

        def backward(accumulate: Run = accumulate, values: Tensor = values) -> Run:
            return backward_of(accumulate, (weights, values))

        name = f"accumulate_along_rays, {channels}"
        yield Case(name, lambda run=accumulate: run, close, in_nerfacc=True)  # type: ignore[misc]
        yield Case("  backward", backward, close, in_nerfacc=True)


def regularisation_cases(positions: Tensor) -> Iterator[Case]:
    grid, reference = torch.randn(*RESOLUTION, CHANNELS), torch.randn(*RESOLUTION, CHANNELS)
    touched = VoxelGradient.like(grid)
    splat_trilinear(touched.values, touched.touched, positions, torch.randn(len(positions), CHANNELS))

    def adding(add: Callable[[VoxelGradient], None]) -> Callable[[], Run]:
        """To a gradient of its own, which is compared after the first run alone."""

        def make() -> Run:
            gradient = VoxelGradient(touched.values.clone(), touched.touched)

            def run() -> tuple[Tensor, ...]:
                add(gradient)
                return (gradient.values,)

            return run

        return make

    yield Case("add_total_variation", adding(lambda gradient: add_total_variation(grid, gradient, 0.1)), close)
    deviation = adding(lambda gradient: add_absolute_deviation(grid, reference, gradient, 0.1))
    yield Case("add_absolute_deviation", deviation, close)


def adam_case(positions: Tensor) -> Case:
    gradient = VoxelGradient.like(torch.empty(*RESOLUTION, CHANNELS))
    splat_trilinear(gradient.values, gradient.touched, positions, torch.randn(len(positions), CHANNELS))
    rows = gradient.touched.nonzero().unbind(dim=1)
    amounts = gradient.values[rows]

    def prepare() -> None:
        gradient.values[rows] = amounts
        gradient.touched[rows] = 1

    def stepping() -> Run:
        parameters, first, second = torch.zeros(3, *RESOLUTION, CHANNELS).unbind()

        def step() -> tuple[Tensor, ...]:
            masked_adam_step(parameters, gradient, first, second, steps=1, learning_rate=0.1)
            return parameters, first, second

        return step

    return Case("masked_adam_step", stepping, close, prepare)


def codebook_case() -> Case:
    features, codebook = torch.randn(VECTORS, CHANNELS), torch.randn(CODES, CHANNELS)
    return Case(
        f"nearest_codes, {VECTORS:,} × {CODES:,}",
        lambda: lambda: (nearest_codes(features, codebook),),
        same_codes(features, codebook),
    )


def periodic_cases(positions: Tensor) -> Iterator[Case]:
    geometry = PERIODIC.geometry(Box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)))
    inside = positions / torch.tensor(RESOLUTION)
    grids = [torch.randn(*shape, requires_grad=True) for shape in [geometry.coefficient_shape, *geometry.basis_shapes]]

    def forward() -> tuple[Tensor, ...]:
        return (periodic_product(grids[0], grids[1:], inside, geometry.tiles),)

    # Corners of the coefficients and of a basis; backward, those of both gradients are read and written.
    gathered = moved_bytes(len(positions), corners=2 * 8, channels=geometry.channels, axes=3)
    scattered = moved_bytes(len(positions), corners=2 * 2 * 8, channels=geometry.channels, axes=3)
    yield Case("periodic_product", lambda: forward, close, moved=gathered)
    yield Case("  backward", lambda: backward_of(forward, tuple(grids)), close, moved=scattered)

    values = (4 * torch.randn(geometry.parameters // geometry.channels, geometry.channels)).requires_grad_()
    table = torch.rand(geometry.channels, 8 * 40 + 1, requires_grad=True)

    def total() -> tuple[Tensor, ...]:
        return (tabulated_sum(table, values, -20.0, 1 / 8) / values.numel(),)

    yield Case(f"tabulated_sum, {values.numel():,}", lambda: total, close)
    yield Case("  backward", lambda: backward_of(total, (table, values)), close)


def hash_encoding_cases() -> Iterator[Case]:
    levels = HashLevels()
    table = torch.randn(levels.rows, HASH_FEATURES, requires_grad=True)
    positions = 2 * torch.rand(HASH_SAMPLES, 3) - 1
    upstream = torch.randn(HASH_SAMPLES, levels.count * HASH_FEATURES)

    def forward() -> tuple[Tensor, ...]:
        return (hash_encoding(table, positions, levels),)

    def both() -> tuple[Tensor, ...]:
        return torch.autograd.grad(forward(), table, upstream)

    channels = levels.count * HASH_FEATURES
    gathered = moved_bytes(HASH_SAMPLES, corners=8, channels=channels, axes=3)
    yield Case(f"hash_encoding, {HASH_SAMPLES:,} samples", lambda: forward, close, moved=gathered)
    scattered = moved_bytes(HASH_SAMPLES, corners=16, channels=channels, axes=3)
    yield Case("  backward", lambda: backward_of(forward, (table,)), close, moved=scattered)
    yield Case("  forward and backward", lambda: both, close)


def triplane_cases() -> Iterator[Case]:
    scales = [torch.randn(3, size, size, TRIPLANE_CHANNELS, requires_grad=True) for size in TRIPLANE_SIZES]
    positions = torch.rand(TRIPLANE_SAMPLES, 3)
    upstream = torch.randn(TRIPLANE_SAMPLES, len(scales) * TRIPLANE_CHANNELS)

    def forward() -> tuple[Tensor, ...]:
        return (sample_triplanes(scales, positions),)

    def both() -> tuple[Tensor, ...]:
        return torch.autograd.grad(forward(), scales, upstream)

    gathered = moved_bytes(TRIPLANE_SAMPLES, corners=3 * 4, channels=len(scales) * TRIPLANE_CHANNELS, axes=3)
    yield Case(f"sample_triplanes, {TRIPLANE_SAMPLES:,} samples", lambda: forward, close, moved=gathered)
    scattered = moved_bytes(TRIPLANE_SAMPLES, corners=2 * 3 * 4, channels=len(scales) * TRIPLANE_CHANNELS, axes=3)
    yield Case("  backward", lambda: backward_of(forward, tuple(scales)), close, moved=scattered)
    yield Case("  forward and backward", lambda: both, close)


def network_cases() -> Iterator[Case]:
    before = (0.1 * torch.randn(NETWORKS, NETWORK_INPUTS, NETWORK_HIDDEN)).requires_grad_()
    behind = (0.1 * torch.randn(NETWORKS, NETWORK_HIDDEN, 3)).requires_grad_()
    nodes = torch.randint(NETWORKS, (NETWORK_BINS, NETWORKS_NEAR))
    bins, weights = torch.randint(NETWORK_BINS, (NETWORK_SAMPLES,)), torch.rand(NETWORK_SAMPLES, NETWORKS_NEAR)
    inputs = torch.randn(NETWORK_SAMPLES, NETWORK_INPUTS, requires_grad=True)

    def forward() -> tuple[Tensor, ...]:
        return (grouped_networks(before, behind, nodes, bins, weights, inputs),)

    yield Case(f"grouped_networks, {NETWORK_SAMPLES:,} samples", lambda: forward, close)
    yield Case("  backward", lambda: backward_of(forward, (before, behind, inputs)), close)


def all_cases(scene: Scene) -> Iterator[Case]:
    yield from traversal_cases(scene)
    samples = march_density(*scene.traversal, scene.density, *ACTIVATION)
    yield compositing_case(scene)
    yield from trilinear_cases(samples.positions)
    yield from bilinear_cases(samples.positions)
    yield from rendering_cases(samples.alphas, samples.ray_offsets)
    yield adam_case(samples.positions)
    yield from regularisation_cases(samples.positions)
    yield codebook_case()
    yield from periodic_cases(samples.positions)
    yield from hash_encoding_cases()
    yield from triplane_cases()
    yield from network_cases()
