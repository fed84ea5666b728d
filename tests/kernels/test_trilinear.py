import pytest
import torch
from kernel_cases import Shape, seeded, threads_and_owners
from torch import Tensor
from torch.nn.functional import grid_sample

from nerfzip.kernels import VoxelGradient, interpolate_trilinear, splat_trilinear, use_twins
from nerfzip.kernels.cpu import trilinear as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.twins import trilinear as twin

SHAPES: list[Shape] = [(1, 1, 1), (1, 5, 2), (4, 8, 4), (7, 1, 13), (19, 6, 10)]


def random_case(shape: Shape, channels: int, samples: int = 300) -> tuple[Tensor, Tensor, Tensor]:
    """A grid, positions inside, outside and exactly on voxels, and a gradient for the result."""
    grid = torch.randn(*shape, channels, generator=seeded(0))
    positions = (1.6 * torch.rand(samples, 3, generator=seeded(1)) - 0.3) * torch.tensor(shape)
    positions[: samples // 5] = positions[: samples // 5].round()
    return grid, positions, torch.randn(samples, channels, generator=seeded(2))


def reference(grid: Tensor, positions: Tensor) -> Tensor:
    """torch's own interpolation in float64, whose coordinates are (z, y, x) in [−1, 1]."""
    last = torch.tensor(grid.shape[:3], dtype=torch.float64) - 1
    normalised = 2 * positions.double() / last.clamp(min=1e-9) - 1
    coordinates = normalised.flip(-1)[None, None, None]
    out = grid_sample(grid.double().permute(3, 0, 1, 2)[None], coordinates, padding_mode="border", align_corners=True)
    return out[0, :, 0, 0].T


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", [1, 3, 12])
def test_values_and_gradients_agree_with_grid_sample_and_the_twin(shape: Shape, channels: int) -> None:
    grid, positions, upstream = random_case(shape, channels)
    results = []
    for interpolate in (interpolate_trilinear, twin.gather, reference):
        leaf = grid.clone().requires_grad_()
        out = interpolate(leaf, positions)
        (gradient,) = torch.autograd.grad(out, leaf, upstream.to(out.dtype))
        results.append((out.detach().double(), gradient.double()))
    for out, gradient in results[:2]:
        torch.testing.assert_close(out, results[2][0], atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(gradient, results[2][1], atol=2e-4, rtol=1e-4)


def test_a_linear_function_is_kept() -> None:
    x, y, z = torch.meshgrid(*map(torch.arange, (5, 6, 7)), indexing="ij")
    grid = (100 * x + 10 * y + z).float()[..., None]
    positions = torch.tensor([[0.5, 0.25, 0.125], [3.9, 5.0, 6.0], [-2.0, 99.0, 1.5]])
    expected = torch.tensor([[50 + 2.5 + 0.125], [390 + 50 + 6.0], [0 + 50 + 1.5]])
    torch.testing.assert_close(interpolate_trilinear(grid, positions), expected)


@pytest.mark.parametrize("twins", [False, True])
def test_gradient_of_touched_voxels(twins: bool) -> None:
    grid, positions, upstream = random_case((9, 5, 11), 12, samples=20)
    dense = grid.clone().requires_grad_()
    interpolate_trilinear(dense, positions).backward(upstream)
    assert dense.grad is not None

    sparse = grid.clone().requires_grad_()
    collected = VoxelGradient.like(grid)
    for _ in range(2):
        with use_twins(twins):
            interpolate_trilinear(sparse, positions, collected).backward(upstream)
    assert sparse.grad is None
    torch.testing.assert_close(collected.values, 2 * dense.grad, atol=1e-5, rtol=1e-5)
    untouched = collected.touched == 0
    assert bool((collected.values[untouched] == 0).all())
    assert bool((dense.grad[untouched] == 0).all())
    assert 20 < int(collected.touched.sum()) <= 160


@pytest.mark.parametrize("shape", SHAPES)
def test_the_scatter_has_the_same_bits_for_any_number_of_threads_and_owners(shape: Shape) -> None:
    grid, positions, amounts = random_case(shape, 12, samples=3000)
    results = []
    for owners in threads_and_owners():
        target = VoxelGradient.like(grid)
        cpu.scatter(
            target.values.numpy(),
            target.touched.numpy(),
            positions.numpy(),
            amounts.numpy(),
            channel_tuple(12),
            owners,
        )
        results.append(target)
    for other in results[1:]:
        assert torch.equal(other.values, results[0].values)
        assert torch.equal(other.touched, results[0].touched)
    # Interpolation weights sum to one: nothing is lost or added.
    torch.testing.assert_close(results[0].values.sum(dim=(0, 1, 2)), amounts.sum(dim=0), atol=2e-2, rtol=1e-4)


@pytest.mark.parametrize("owners", [1, 2, 3, 7])
def test_owners_share_the_planes_without_gap_or_overlap(owners: int) -> None:
    planes = torch.randint(3, 9, (500,), generator=seeded(5)).int().numpy()
    borders = cpu.balanced_ranges(planes, 12, owners).tolist()
    assert borders[0] == 0
    assert borders[-1] == 12
    assert borders == sorted(borders)
    assert len(borders) == owners + 1


def test_splat_is_the_adjoint_of_interpolation() -> None:
    """⟨interpolate(g), a⟩ = ⟨g, splat(a)⟩."""
    grid, positions, amounts = random_case((6, 7, 8), 3)
    target = VoxelGradient.like(grid)
    splat_trilinear(target.values, target.touched, positions, amounts)
    left = (interpolate_trilinear(grid, positions).double() * amounts).sum()
    right = (grid.double() * target.values).sum()
    torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("twins", [False, True])
def test_no_samples(twins: bool) -> None:
    grid = torch.ones(3, 4, 5, 3, requires_grad=True)
    with use_twins(twins):
        out = interpolate_trilinear(grid, torch.zeros(0, 3))
        out.sum().backward()
    assert out.shape == (0, 3)
    assert grid.grad is not None
    assert not grid.grad.any()


def test_a_position_that_is_not_a_number_gives_a_value_that_is_none() -> None:
    out = interpolate_trilinear(torch.ones(3, 4, 5, 3), torch.tensor([[1.0, float("nan"), 1.0], [1.0, 1.0, 1.0]]))
    assert bool(out[0].isnan().all())
    assert out[1].tolist() == [1, 1, 1]
