"""The kernel against its twin, and both against autograd of the formula that they are the gradient of."""

import pytest
import torch
from kernel_cases import SHAPES, Shape, seeded
from torch import Tensor
from torch.nn.functional import huber_loss

from nerfzip.kernels import VoxelGradient, add_total_variation, use_twins

WEIGHT = 0.3


def total_variation(grid: Tensor) -> Tensor:
    """Σ huber over all pairs of voxels that share a face, and over channels."""
    zero = grid.new_zeros(())
    pairs = [(grid.narrow(axis, 1, n - 1), grid.narrow(axis, 0, n - 1)) for axis, n in enumerate(grid.shape[:3])]
    return sum((huber_loss(a, b, reduction="sum", delta=1.0) for a, b in pairs), zero)


def random_grid(shape: Shape, channels: int) -> Tensor:
    """Differences of neighbours lie on both sides of 1, where huber turns linear."""
    return torch.randn(*shape, channels, generator=seeded(1))


def partly_touched(grid: Tensor) -> VoxelGradient:
    """With numbers in it already at the touched half of the voxels."""
    gradient = VoxelGradient.like(grid)
    gradient.touched.copy_(torch.rand(grid.shape[:3], generator=seeded(2)) < 0.5)
    gradient.values.copy_(torch.randn(grid.shape, generator=seeded(3)) * gradient.touched[..., None])
    return gradient


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 12])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_gradient_of_the_formula_at_touched_voxels(shape: Shape, channels: int, twins: bool) -> None:
    grid = random_grid(shape, channels).double().requires_grad_()
    (expected,) = torch.autograd.grad(WEIGHT * total_variation(grid), grid)
    gradient = partly_touched(grid.detach().float())
    before, touched = gradient.values.clone(), gradient.touched.clone()
    with use_twins(twins):
        add_total_variation(grid.detach().float(), gradient, WEIGHT)
    added = (gradient.values - before).double()
    torch.testing.assert_close(added[touched > 0], expected[touched > 0], atol=1e-5, rtol=1e-5)
    assert not gradient.values[touched == 0].any()
    assert torch.equal(gradient.touched, touched)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_kernel_is_its_twin(shape: Shape) -> None:
    grid = random_grid(shape, channels=12)
    gradients = partly_touched(grid), partly_touched(grid)
    for twins, gradient in zip((False, True), gradients, strict=True):
        with use_twins(twins):
            add_total_variation(grid, gradient, WEIGHT)
    torch.testing.assert_close(gradients[0].values, gradients[1].values, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("twins", [False, True])
def test_three_voxels_in_a_row(twins: bool) -> None:
    """0, 0.5 and 4: the differences 0.5 and 3.5 count as 0.5 and 1."""
    grid = torch.tensor([0.0, 0.5, 4.0]).reshape(1, 3, 1, 1)
    gradient = VoxelGradient.like(grid)
    gradient.touched[:] = torch.tensor([1, 1, 0], dtype=torch.uint8)[:, None]
    with use_twins(twins):
        add_total_variation(grid, gradient, weight=10.0)
    assert gradient.values.flatten().tolist() == [-5.0, -5.0, 0.0]


@pytest.mark.parametrize("twins", [False, True])
def test_one_voxel_and_none_touched(twins: bool) -> None:
    for shape, touched in (((1, 1, 1), 1), ((4, 3, 5), 0)):
        grid = random_grid(shape, channels=3)
        gradient = VoxelGradient.like(grid)
        gradient.touched.fill_(touched)
        with use_twins(twins):
            add_total_variation(grid, gradient, WEIGHT)
        assert not gradient.values.any()
