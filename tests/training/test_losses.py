"""Losses against numbers worked out by hand."""

import math

import pytest
import torch

from nerfzip.fields.voxel_field import RenderedSamples
from nerfzip.training.losses import LossWeights, total_loss

TARGET = torch.tensor([[1.0, 0.0, 0.5], [0.2, 0.4, 0.6]])


def rendered(transmittance: tuple[float, float] = (0.25, 0.5)) -> RenderedSamples:
    """Two rays: one with two samples, one with one."""
    return RenderedSamples(
        rgb=torch.tensor([[0.5, 0.0, 0.5], [0.2, 0.4, 0.0]], requires_grad=True),
        transmittance=torch.tensor(transmittance, requires_grad=True),
        depth=torch.zeros(2),
        weights=torch.tensor([0.5, 0.25, 0.5], requires_grad=True),
        ray_indices=torch.tensor([0, 0, 1]),
        sample_rgb=torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.0, 0.5], [0.2, 0.4, 0.5]], requires_grad=True),
    )


def test_photometric() -> None:
    expected = (0.5**2 + 0.6**2) / 6
    assert float(total_loss(rendered(), TARGET, LossWeights()).detach()) == pytest.approx(expected)
    assert float(total_loss(rendered(), TARGET, LossWeights(photometric=3)).detach()) == pytest.approx(3 * expected)


def test_background_entropy() -> None:
    quarter = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    expected = 0.1 * (quarter + math.log(2)) / 2
    loss = total_loss(rendered(), TARGET, LossWeights(photometric=0, background_entropy=0.1))
    assert float(loss.detach()) == pytest.approx(expected)


def test_background_entropy_of_rays_that_pass_or_stop_completely() -> None:
    sharp = rendered((0.0, 1.0))
    loss = total_loss(sharp, TARGET, LossWeights(photometric=0, background_entropy=1.0))
    assert float(loss.detach()) == pytest.approx(0, abs=2e-5)
    loss.backward()
    assert sharp.transmittance.grad is not None
    assert bool(torch.isfinite(sharp.transmittance.grad).all())


def test_per_point_rgb_weighs_each_samples_error_and_leaves_the_weights_alone() -> None:
    samples = rendered()
    loss = total_loss(samples, TARGET, LossWeights(photometric=0, per_point_rgb=0.1))
    assert float(loss.detach()) == pytest.approx(0.1 * (0.25 * 1.0**2 + 0.5 * 0.1**2) / 2)
    loss.backward()
    assert samples.weights.grad is None
    assert samples.sample_rgb is not None
    expected = 0.1 * torch.tensor([[0.0, 0, 0], [0.25 * -1, 0, 0], [0, 0, 0.5 * -0.1]]) * 2 / 2
    torch.testing.assert_close(samples.sample_rgb.grad, expected)


def test_per_point_rgb_needs_colours_of_samples() -> None:
    per_ray = RenderedSamples(**{**vars(rendered()), "sample_rgb": None})
    weights = LossWeights(photometric=0, per_point_rgb=1.0)
    assert float(total_loss(per_ray, TARGET, weights).detach()) == 0
