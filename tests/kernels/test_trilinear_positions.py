import pytest
import torch
from kernel_cases import Shape, seeded

from nerfzip.kernels import interpolate_at_moving, interpolate_trilinear, use_twins

SHAPES: list[Shape] = [(2, 2, 2), (4, 8, 4), (7, 1, 13), (19, 6, 10)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", [1, 3, 12])
def test_values_and_gradients_agree_with_differences_and_the_twin(shape: Shape, channels: int) -> None:
    grid = torch.randn(*shape, channels, generator=seeded(0))
    positions = (1.6 * torch.rand(300, 3, generator=seeded(1)) - 0.3) * torch.tensor(shape)
    upstream = torch.randn(300, channels, generator=seeded(2))
    results = []
    for twins in (False, True):
        leaf = positions.clone().requires_grad_()
        with use_twins(twins):
            out = interpolate_at_moving(grid, leaf)
            out.backward(upstream)
        assert leaf.grad is not None
        torch.testing.assert_close(out.detach(), interpolate_trilinear(grid, positions), atol=2e-5, rtol=1e-5)
        results.append(leaf.grad)
    torch.testing.assert_close(*results, atol=2e-4, rtol=1e-4)

    # The value is linear within a cell, so a central difference inside it is exact.
    small = 1e-2
    within = ((positions - positions.round()).abs() > small).all(dim=1)
    for axis in range(3):
        step = torch.zeros(3)
        step[axis] = small
        change = interpolate_trilinear(grid, positions + step) - interpolate_trilinear(grid, positions - step)
        difference = (change * upstream).sum(dim=1) / (2 * small)
        torch.testing.assert_close(results[0][within, axis], difference[within], atol=1e-2, rtol=1e-3)
    assert int(within.sum()) > 200


@pytest.mark.parametrize("twins", [False, True])
def test_nothing_changes_outside(twins: bool) -> None:
    grid = torch.randn(4, 5, 6, 2, generator=seeded(0))
    positions = torch.tensor([[-0.5, 2.2, 3.3], [1.5, 9.0, 3.3], [1.5, 2.2, -7.0]], requires_grad=True)
    with use_twins(twins):
        interpolate_at_moving(grid, positions).sum().backward()
    assert positions.grad is not None
    assert positions.grad.diagonal().tolist() == [0, 0, 0]
    assert bool((positions.grad + torch.eye(3) != 0).all())
