"""Muon against singular value decompositions."""

import pytest
import torch

from nerfzip.training.muon import RMS, Muon, orthogonalised


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 5, 40), (3, 40, 6), (2, 1, 7)])
def test_singular_values_become_about_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(shape) @ torch.diag(torch.logspace(-1, 1, shape[2]))
    found = orthogonalised(matrices)
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    # In the bases of the decomposition it is diagonal, with numbers near 1 (Jordan et al.: 0.7 to 1.2).
    inside = left.transpose(1, 2) @ found @ right.transpose(1, 2)
    diagonal = torch.diagonal(inside, dim1=1, dim2=2)
    assert float(diagonal.min()) > 0.5 and float(diagonal.max()) < 1.3
    torch.testing.assert_close(inside, torch.diag_embed(diagonal), atol=1e-3, rtol=0)


def test_a_step_has_the_size_of_the_learning_rate_whatever_the_gradient() -> None:
    torch.manual_seed(0)
    weights = {scale: torch.nn.Parameter(torch.zeros(6, 2, 3, 3)) for scale in (1e-4, 1.0)}
    gradient = torch.randn(6, 2, 3, 3)
    for scale, weight in weights.items():
        optimiser = Muon([{"params": [weight], "stack": (3, 2)}], momentum=0.95, weight_decay=0.0)
        optimiser.param_groups[0]["lr"] = 0.01
        weight.grad = scale * gradient
        optimiser.step()
    small, large = weights.values()
    torch.testing.assert_close(small, large, atol=1e-5, rtol=1e-3)
    # Two rows of eighteen columns: all entries together have about two singular values of 1.
    assert abs(float(large.detach().square().mean().sqrt()) / (0.01 * RMS) - 1) < 0.3


def test_groups_of_a_convolution_are_matrices_of_their_own() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(6, 2, 3, 3)
    gradient[2:] *= 100
    weight = torch.nn.Parameter(torch.zeros(6, 2, 3, 3))
    weight.grad = gradient
    optimiser = Muon([{"params": [weight], "stack": (3, 2)}], momentum=0.95, weight_decay=0.0)
    optimiser.param_groups[0]["lr"] = 1.0
    optimiser.step()
    sizes = weight.detach().view(3, -1).norm(dim=1)
    assert float(sizes.min()) > 0.7 * float(sizes.max())
