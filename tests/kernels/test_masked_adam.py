import pytest
import torch
from kernel_cases import seeded

from nerfzip.kernels import VoxelGradient, masked_adam_step, use_twins

SHAPE = (3, 5, 2)


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 12])
def test_with_every_voxel_touched_it_is_torchs_adam(channels: int, twins: bool) -> None:
    start = torch.randn(*SHAPE, channels, generator=seeded(0))
    reference = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([reference], lr=0.03, betas=(0.9, 0.99), eps=1e-8)
    parameters, first, second = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    gradient = VoxelGradient.like(start)
    for steps in range(1, 6):
        reference.grad = torch.randn(start.shape, generator=seeded(steps)) * 10.0 ** (steps - 3)
        optimiser.step()
        gradient.values.copy_(reference.grad)
        gradient.touched.fill_(1)
        with use_twins(twins):
            masked_adam_step(parameters, gradient, first, second, steps, learning_rate=0.03)
    torch.testing.assert_close(parameters, reference.detach(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(first, optimiser.state[reference]["exp_avg"], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(second, optimiser.state[reference]["exp_avg_sq"], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("twins", [False, True])
def test_untouched_voxels_keep_value_and_moments(twins: bool) -> None:
    parameters, first = (torch.randn(*SHAPE, 3, generator=seeded(seed)) for seed in (0, 1))
    second = torch.rand(*SHAPE, 3, generator=seeded(2))
    before = [tensor.clone() for tensor in (parameters, first, second)]
    gradient = VoxelGradient.like(parameters)
    touched = torch.rand(SHAPE, generator=seeded(3)) < 0.5
    gradient.touched.copy_(touched)
    gradient.values[touched] = 1.0
    with use_twins(twins):
        masked_adam_step(parameters, gradient, first, second, steps=7, learning_rate=0.1)
    for now, then in zip((parameters, first, second), before, strict=True):
        assert torch.equal(now[~touched], then[~touched])
        assert bool((now[touched] != then[touched]).any(dim=-1).all())
    assert not gradient.values.any()
    assert not gradient.touched.any()


@pytest.mark.parametrize("twins", [False, True])
def test_the_rate_of_each_voxel(twins: bool) -> None:
    """From fresh moments the first step is the rate times the gradient's sign (Kingma and Ba, §2.1)."""
    parameters = torch.zeros(*SHAPE, 3)
    gradient = VoxelGradient.like(parameters)
    gradient.values.fill_(-5.0)
    gradient.touched.fill_(1)
    rates = torch.rand(SHAPE, generator=seeded(4))
    arguments = (parameters, gradient, torch.zeros_like(parameters), torch.zeros_like(parameters), 1, 0.1)
    with use_twins(twins):
        masked_adam_step(*arguments, rates=rates)
    torch.testing.assert_close(parameters, (0.1 * rates)[..., None].expand(*SHAPE, 3), atol=1e-6, rtol=1e-4)
