"""A row of `benchmarks.kernels`, and how the results of both sides are compared."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks._timing import nothing
from nerfzip.kernels import VoxelGradient

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
