import pytest
import torch
from kernel_cases import seeded

from nerfzip.kernels import VoxelGradient, add_absolute_deviation, use_twins


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("channels", [1, 12])
def test_it_is_the_gradient_that_autograd_finds_at_touched_voxels(channels: int, twins: bool) -> None:
    reference = torch.randn(5, 6, 7, channels, generator=seeded(0))
    grid = (reference + torch.randn(reference.shape, generator=seeded(1))).requires_grad_()
    with torch.no_grad():
        grid[2] = reference[2]
    gradient = VoxelGradient.like(grid)
    gradient.touched[:] = (torch.rand(5, 6, 7, generator=seeded(2)) < 0.5).to(torch.uint8)
    gradient.values.fill_(0.25)
    with use_twins(twins):
        add_absolute_deviation(grid, reference, gradient, 3.0)
    (3.0 * (grid - reference).abs().sum()).backward()
    assert grid.grad is not None
    expected = 0.25 + grid.grad * gradient.touched[..., None]
    assert torch.equal(gradient.values, expected)
