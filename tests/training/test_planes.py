import pytest
import torch

from nerfzip.training.planes import plane_variation, warm_up_and_cosine


def test_the_learning_rate_rises_and_falls() -> None:
    factors = [warm_up_and_cosine(iteration, 100, 1000) for iteration in range(1001)]
    assert factors[0] == 0.01 and factors[99] == factors[100] == 1.0
    assert factors[550] == pytest.approx(0.5) and factors[1000] == pytest.approx(0.0)


def test_total_variation_of_a_ramp() -> None:
    planes = torch.arange(5.0)[None, :, None, None].expand(3, 5, 4, 2)
    assert float(plane_variation([planes])) == pytest.approx(2 * 3 * 1.0)
