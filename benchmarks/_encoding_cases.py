"""What `benchmarks.kernels` times of encodings and networks: each kernel at the sizes that its paper has."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks._kernel_case import Case, backward_of, close, moved_bytes
from nerfzip.fields.basis_geometry import BasisBudget
from nerfzip.geometry import Box
from nerfzip.kernels.grouped_networks import grouped_networks
from nerfzip.kernels.hash_encoding import hash_encoding
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.kernels.periodic import periodic_product
from nerfzip.kernels.tabulated import tabulated_sum
from nerfzip.kernels.triplanes import sample_triplanes

PERIODIC = BasisBudget(
    5_308_416, 1 / 9, [32, 51, 70, 89, 108, 128], [4, 4, 4, 2, 2, 2], [2, 3.2, 4.4, 5.6, 6.8, 8], 768, 300
)
"""The published sizes of JointRF's grids."""
HASH_SAMPLES, HASH_FEATURES = 131_072, 2
TRIPLANE_SIZES, TRIPLANE_CHANNELS, TRIPLANE_SAMPLES = (64, 128), 32, 131_072
"""The published sizes of CodecNeRF's planes."""
NETWORKS, NETWORK_BINS, NETWORKS_NEAR, NETWORK_INPUTS, NETWORK_HIDDEN, NETWORK_SAMPLES = 256, 289, 4, 79, 32, 131_072
"""The published sizes of a colour map of the MLP maps."""


def encoding_cases(positions: Tensor) -> Iterator[Case]:
    """
    Args:
        positions: of a training iteration's samples, in [0, 1]³.
    """
    yield from periodic_cases(positions)
    yield from hash_encoding_cases()
    yield from triplane_cases()
    yield from network_cases()


def periodic_cases(positions: Tensor) -> Iterator[Case]:
    geometry = PERIODIC.geometry(Box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)))
    grids = [torch.randn(*shape, requires_grad=True) for shape in [geometry.coefficient_shape, *geometry.basis_shapes]]

    def forward() -> tuple[Tensor, ...]:
        return (periodic_product(grids[0], grids[1:], positions, geometry.tiles),)

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
