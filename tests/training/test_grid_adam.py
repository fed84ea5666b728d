"""Masked Adam against torch's own, and what keeps a voxel from moving."""

import torch
from torch import nn

from nerfzip.training.grid_adam import BETAS, GridAdam

SHAPE = (4, 5, 3)


def random_grid() -> nn.Parameter:
    return nn.Parameter(torch.randn(*SHAPE, 3, generator=torch.Generator().manual_seed(0)))


def feed(adam: GridAdam, seed: int, touched: torch.Tensor) -> torch.Tensor:
    """A random gradient at the touched voxels, which it returns as a dense one."""
    gradient = torch.randn(*SHAPE, 3, generator=torch.Generator().manual_seed(seed)) * touched[..., None]
    adam.gradient.values.add_(gradient)
    adam.gradient.touched.logical_or_(touched)
    return gradient


def test_where_all_voxels_are_touched_it_is_adam() -> None:
    grid = random_grid()
    reference = nn.Parameter(grid.data.clone())
    adam, torchs = GridAdam(grid), torch.optim.Adam([reference], betas=BETAS, eps=1e-8)
    for step, rate in enumerate((0.1, 0.07, 0.03, 0.03)):
        reference.grad = feed(adam, step, torch.ones(SHAPE, dtype=torch.bool))
        torchs.param_groups[0]["lr"] = rate
        torchs.step()
        adam.step(rate)
        torch.testing.assert_close(grid.data, reference.data, atol=1e-6, rtol=1e-5)
    assert not bool(adam.gradient.values.any())
    assert not bool(adam.gradient.touched.any())


def test_untouched_and_untrainable_voxels_stay_to_the_bit() -> None:
    grid = random_grid()
    before = grid.data.clone()
    trainable = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1)) < 0.5
    adam = GridAdam(grid, trainable=trainable.to(torch.uint8))
    touched = torch.rand(SHAPE, generator=torch.Generator().manual_seed(2)) < 0.5
    for step in range(3):
        feed(adam, step, touched)
        adam.step(0.1)
    moved = (grid.data != before).any(dim=-1)
    assert torch.equal(moved, touched & trainable)
    assert 0 < int(moved.sum()) < moved.numel()


def test_rates_scale_each_voxels_step() -> None:
    """The first step of Adam has the length of the learning rate, whatever the gradient."""
    grid = random_grid()
    before = grid.data.clone()
    rates = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    rates[0] = 0
    adam = GridAdam(grid, rates=rates)
    gradient = feed(adam, 0, torch.ones(SHAPE, dtype=torch.bool))
    adam.step(0.2)
    expected = before - 0.2 * rates[..., None] * gradient.sign()
    torch.testing.assert_close(grid.data, expected, atol=1e-5, rtol=0)
    assert torch.equal(grid.data[0], before[0])
