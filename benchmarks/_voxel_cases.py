"""What `benchmarks.kernels` times of voxel fields: each kernel at the sizes of a training iteration."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks._kernel_case import Case, Run, backward_of, close, collecting_backward, moved_bytes, same_rays
from nerfzip.geometry import Box, Rays, intersect_box
from nerfzip.kernels import (
    MarchedSamples,
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
from nerfzip.kernels.nearest_code import nearest_codes
from nerfzip.kernels.traversal import block_distances, hits_occupancy

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


def voxel_cases(scene: Scene, samples: MarchedSamples) -> Iterator[Case]:
    """
    Args:
        samples: of the scene's rays, marched.
    """
    yield from traversal_cases(scene)
    yield compositing_case(scene)
    yield from trilinear_cases(samples.positions)
    yield from bilinear_cases(samples.positions)
    yield from rendering_cases(samples.alphas, samples.ray_offsets)
    yield adam_case(samples.positions)
    yield from regularisation_cases(samples.positions)
    yield codebook_case()


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


def same_codes(features: Tensor, codebook: Tensor) -> Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], None]:
    def agree(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> None:
        distances = [(features - codebook[indices]).norm(dim=1) for (indices,) in (first, second)]
        torch.testing.assert_close(distances[0], distances[1], atol=1e-4, rtol=1e-4)

    return agree


def codebook_case() -> Case:
    features, codebook = torch.randn(VECTORS, CHANNELS), torch.randn(CODES, CHANNELS)
    return Case(
        f"nearest_codes, {VECTORS:,} × {CODES:,}",
        lambda: lambda: (nearest_codes(features, codebook),),
        same_codes(features, codebook),
    )
