"""Steps as small whole numbers."""

import torch

from nerfzip.quantization.steps import nearest_codes_of_steps, steps_of_codes


def test_steps_are_near_and_their_codes_are_exact() -> None:
    steps = torch.logspace(-8, 5, 200)
    codes = nearest_codes_of_steps(steps)
    ratios = steps_of_codes(codes) / steps
    assert float(ratios.log2().abs().max()) <= 0.1251
    assert torch.equal(nearest_codes_of_steps(steps_of_codes(codes)), codes)
    assert torch.equal(steps_of_codes(torch.tensor([-8, 0, 4, 40])), torch.tensor([0.25, 1.0, 2.0, 1024.0]))
