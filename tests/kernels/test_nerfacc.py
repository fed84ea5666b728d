"""nerfacc's kernels against our twins: by what its extension computes, and by the extension itself where it builds."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
import torch
from kernel_cases import STEP, random_mask, random_rays, seeded
from nerfacc_in_torch import nerfacc_on_the_cpu
from torch import Tensor

from nerfzip.kernels import accumulate_along_rays, march_density, render_weights, traverse_occupancy, use_twins
from nerfzip.kernels.backend import form_for, use_nerfacc
from nerfzip.kernels.nerfacc.extension import problem
from nerfzip.kernels.traversal import block_distances, hits_occupancy

COUNTS = [3, 0, 1, 40, 0]
SHAPES = [(1, 1, 1), (5, 3, 4), (17, 9, 13)]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "cpu":
        with nerfacc_on_the_cpu():
            yield "cpu"
        return
    if problem() is not None:
        pytest.skip(str(problem()))
    yield "cuda"


@contextmanager
def either(device: str, twin: bool) -> Iterator[None]:
    with use_nerfacc(device), use_twins(twin):
        yield


def scene(device: str, rays: int, shape: tuple[int, int, int], occupied: float) -> list[Tensor]:
    case, mask = random_rays(rays, shape, seed=1), random_mask(shape, occupied, seed=2)
    tensors = case.origins, case.directions, case.t_min, case.t_max, mask, block_distances(mask)
    return [tensor.to(device) for tensor in tensors]


def assert_most_rays_agree(found: Tensor, expected: Tensor, of: int) -> None:
    """Rounding decides about samples on the borders of voxels; the extension adds up its steps."""
    differing = int((found.diff() != expected.diff()).sum())
    assert differing <= 0.05 * of


def test_it_is_chosen_for_its_device_alone() -> None:
    tensor = torch.zeros(3)
    assert form_for(tensor, in_nerfacc=True) == "cpu"
    with use_nerfacc("cpu"):
        assert form_for(tensor, in_nerfacc=True) == "nerfacc"
        assert form_for(tensor) == "cpu"
        with use_twins():
            assert form_for(tensor, in_nerfacc=True) == "twin"
    with use_nerfacc():
        assert form_for(tensor, in_nerfacc=True) == "cpu"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("occupied", [1.0, 0.3, 0.0])
def test_samples(device: str, shape: tuple[int, int, int], occupied: float) -> None:
    arguments = scene(device, 40, shape, occupied)
    with either(device, twin=False):
        found, hits = traverse_occupancy(*arguments, STEP), hits_occupancy(*arguments, STEP)
    with either(device, twin=True):
        expected = traverse_occupancy(*arguments, STEP)
    assert_most_rays_agree(found.ray_offsets, expected.ray_offsets, of=40)
    assert hits.tolist() == (found.ray_offsets.diff() > 0).tolist()
    assert found.ray_offsets[-1] == len(found.t_starts) == len(found.t_ends)
    torch.testing.assert_close(found.t_ends - found.t_starts, torch.full_like(found.t_starts, STEP), atol=1e-5, rtol=0)
    same = found.ray_offsets.diff() == expected.ray_offsets.diff()
    torch.testing.assert_close(
        found.t_starts[same[found.ray_indices]], expected.t_starts[same[expected.ray_indices]], atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_marched_samples_and_the_gradient_of_the_density(device: str, shape: tuple[int, int, int]) -> None:
    arguments = scene(device, 40, shape, 0.7)
    density = torch.randn(*shape, 1, generator=seeded(3)).to(device).requires_grad_()
    marched, gradients = [], []
    for twin in (False, True):
        with either(device, twin):
            marched.append(march_density(*arguments, STEP, density, -2.0, 0.5, 0.05, 0.2))
            gradients.append(torch.autograd.grad(marched[-1].alphas.sum(), density)[0])
    found, expected = marched
    assert_most_rays_agree(found.ray_offsets, expected.ray_offsets, of=40)
    assert found.ray_offsets[-1] == len(found.alphas) == len(found.positions) == len(found.distances)
    if found.ray_offsets.tolist() == expected.ray_offsets.tolist():
        torch.testing.assert_close(found.distances, expected.distances, atol=1e-4, rtol=0)
        torch.testing.assert_close(found.positions, expected.positions, atol=1e-3, rtol=0)
        torch.testing.assert_close(found.alphas, expected.alphas, atol=1e-3, rtol=0)
        torch.testing.assert_close(*gradients, atol=1e-3, rtol=1e-3)


def test_no_rays(device: str) -> None:
    with either(device, twin=False):
        samples = traverse_occupancy(*scene(device, 0, (2, 3, 4), 1.0), STEP)
        weights, behind = render_weights(torch.zeros(0, device=device), samples.ray_offsets)
    assert samples.ray_offsets.tolist() == [0]
    assert weights.shape == behind.shape == (0,)


@pytest.mark.parametrize("counts", [COUNTS, [0, 0]])
def test_weights_and_their_gradient(device: str, counts: list[int]) -> None:
    offsets = torch.tensor([0, *counts], device=device).cumsum(0)
    alphas = 0.95 * torch.rand(sum(counts), generator=seeded(0)).to(device)
    alphas.requires_grad_()
    results = []
    for twin in (False, True):
        with either(device, twin):
            weights, behind = render_weights(alphas, offsets)
            loss = (weights * torch.arange(len(weights), device=device)).sum() + behind.square().sum()
            results.append((weights, behind, torch.autograd.grad(loss, alphas)[0]))
    torch.testing.assert_close(*results, atol=1e-4, rtol=1e-3)


def test_sums_along_rays_and_their_gradients(device: str) -> None:
    offsets = torch.tensor([0, *COUNTS], device=device).cumsum(0)
    leaves = [torch.rand(sum(COUNTS), *rest, generator=seeded(1)).to(device) for rest in ((), (5,))]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    results = []
    for twin in (False, True):
        with either(device, twin):
            sums = accumulate_along_rays(leaves[0], leaves[1], offsets)
            results.append((sums, *torch.autograd.grad(sums.square().sum(), leaves)))
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_it_says_why_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert find_spec("nerfacc") is not None
    assert "no CUDA device" in str(problem())
    assert capfd.readouterr() == ("", "")
