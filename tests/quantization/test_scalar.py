import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nerfzip.errors import TrainingError
from nerfzip.quantization import Quantizer, fake_quantize, quantizer_by_rows, quantizer_by_spread


def normal(*shape: int, mean: float = 0.0, deviation: float = 1.0) -> Tensor:
    return mean + deviation * torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_hand_worked_codes() -> None:
    quantizer = Quantizer(torch.tensor(0.5), zero_point=10)
    values = torch.tensor([0.0, 0.6, -0.6, 1.25, 1000.0, -1000.0])
    codes = quantizer.quantize(values)
    assert codes.dtype == torch.int8
    assert codes.tolist() == [10, 11, 9, 12, 127, -128]  # 2.5 rounds to even
    assert quantizer.dequantize(codes).tolist() == [0.0, 0.5, -0.5, 1.0, 58.5, -69.0]


@pytest.mark.parametrize("mean", [0.0, -4.5, 1000.0])
def test_scale_and_zero_point_follow_the_spread(mean: float) -> None:
    values = normal(20_000, mean=mean, deviation=3.0)
    quantizer = quantizer_by_spread(values)
    assert float(quantizer.scale) == pytest.approx(values.double().std().item() / 15, rel=1e-4)
    assert quantizer.zero_point == round(-values.double().mean().item() / float(quantizer.scale))
    codes = quantizer.quantize(values)
    assert abs(codes.double().mean().item()) < 1  # centred, wherever the mean lies
    assert codes.double().std().item() == pytest.approx(15, rel=0.01)
    error = (quantizer.dequantize(codes) - values).abs().max().item()
    assert error <= 0.51 * float(quantizer.scale)


def test_uniform_error_has_the_variance_of_the_step() -> None:
    values = normal(100_000)
    quantizer = quantizer_by_spread(values)
    error = quantizer.dequantize(quantizer.quantize(values)) - values
    assert error.square().mean().item() == pytest.approx((1 / 15) ** 2 / 12, rel=0.02)


def test_outliers_are_clipped_at_about_eight_and_a_half_deviations() -> None:
    values = torch.cat([normal(100_000), torch.tensor([50.0, -50.0])])
    quantizer = quantizer_by_spread(values)
    decoded = quantizer.dequantize(quantizer.quantize(values))
    assert decoded[-2].item() == pytest.approx(127 / 15 * values.std().item(), rel=0.02)
    assert decoded[-1].item() == pytest.approx(-128 / 15 * values.std().item(), rel=0.02)


@pytest.mark.parametrize("constant", [0.0, 1.0, -4.5951, 1e-6, 12345.678, -3e20])
def test_constant_tensors_come_back_exactly(constant: float) -> None:
    values = torch.full((7, 3), constant)
    quantizer = quantizer_by_spread(values)
    assert torch.equal(quantizer.dequantize(quantizer.quantize(values)), values)


def test_no_values() -> None:
    quantizer = quantizer_by_spread(torch.zeros(0, 12))
    assert quantizer.dequantize(quantizer.quantize(torch.zeros(0, 12))).shape == (0, 12)


@settings(deadline=None, max_examples=50)
@given(scale=st.floats(2.0**-60, 2.0**60, width=32), zero_point=st.integers(-(2**20), 2**20))
def test_dequantizing_is_one_ieee_product(scale: float, zero_point: int) -> None:
    codes = torch.arange(-128, 128).to(torch.int8)
    decoded = Quantizer(torch.tensor(scale, dtype=torch.float32), zero_point).dequantize(codes).numpy()
    # The product of two float32 numbers is exact in extended precision, so that this is rounded once.
    exact = (np.arange(-128, 128) - zero_point).astype(np.longdouble) * np.longdouble(np.float32(scale))
    assert decoded.tobytes() == exact.astype(np.float32).tobytes()


def test_a_scale_that_went_through_json_gives_the_same_bits() -> None:
    quantizer = quantizer_by_spread(normal(1000, mean=0.3))
    again = Quantizer(torch.tensor(float(repr(float(quantizer.scale)))), quantizer.zero_point)
    codes = torch.arange(-128, 128).to(torch.int8)
    assert torch.equal(quantizer.dequantize(codes), again.dequantize(codes))


@pytest.mark.parametrize(("bits", "largest"), [(8, 127), (5, 15), (2, 1)])
def test_rows_reach_exactly_the_largest_code_at_their_largest_weight(bits: int, largest: int) -> None:
    weights = normal(6, 40) * torch.tensor([1e-4, 0.1, 1, 10, 1e4, 0])[:, None]
    quantizer = quantizer_by_rows(weights, bits)
    codes = quantizer.quantize(weights)
    assert quantizer.scale.shape == (6, 1)
    assert codes.abs().amax(dim=1).tolist() == [largest] * 5 + [0]
    error = (quantizer.dequantize(codes) - weights).abs()
    assert bool((error <= 0.501 * quantizer.scale).all())
    assert torch.equal(quantizer.dequantize(codes)[5], torch.zeros(40))


@pytest.mark.parametrize("by_rows", [False, True])
def test_fake_quantization_is_decoding_with_a_straight_gradient(by_rows: bool) -> None:
    values = normal(5, 30, mean=0.2).requires_grad_()
    quantizer = quantizer_by_rows(values) if by_rows else quantizer_by_spread(values)
    faked = fake_quantize(values, quantizer)
    assert torch.equal(faked, quantizer.dequantize(quantizer.quantize(values)))
    weights = normal(5, 30)
    (faked * weights).sum().backward()
    assert torch.equal(values.grad, weights)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite(bad: float) -> None:
    values = torch.tensor([[1.0, bad]])
    with pytest.raises(TrainingError, match="finite"):
        quantizer_by_spread(values)
    with pytest.raises(TrainingError, match="finite"):
        quantizer_by_rows(values)
