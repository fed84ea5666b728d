"""Codes follow the mean of their voxels; what rounding takes is given back."""

import pytest
import torch
from tiny_models import tiny_base

from methods.vqrf.shared_codes import SharedCodes, feature_quantizer
from nerfzip.fields import Shading, VoxelField, VoxelGeometry
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.geometry import Box
from nerfzip.quantization import Quantizer


def a_field() -> VoxelField:
    """3×3×3 voxels with random features."""
    geometry = VoxelGeometry(Box((0.0, 0.0, 0.0), (3.0, 3.0, 3.0)), 1.0, 1.0, 0.5)
    field = VoxelField(geometry, 12, tiny_base().new_decoder(), Shading.RAY, 0.0, Thresholds(0, 0, 0), (0, 0, 0), 0.0)
    field.features.data.normal_(generator=torch.Generator().manual_seed(0))
    return field


VOXELS = torch.tensor([1, 4, 5, 20, 26])
INDICES = torch.tensor([2, 0, 2, 2, 0])
WEIGHTS = torch.tensor([1.0, 3.0, 0.5, 2.0, 1.0])


def some_codes() -> SharedCodes:
    return SharedCodes.of(VOXELS, INDICES, WEIGHTS, torch.full((4, 12), 7.0))


def test_the_weighted_mean_by_a_slow_loop() -> None:
    field, codes = a_field(), some_codes()
    before = field.features.data.view(27, 12).clone()
    codes.synchronise(field, None)
    after = field.features.data.view(27, 12)
    for code in range(4):
        members = [i for i in range(5) if INDICES[i] == code]
        if not members:
            assert bool((codes.codebook[code] == 7).all())
            continue
        mean = sum(WEIGHTS[i] * before[VOXELS[i]] for i in members) / sum(WEIGHTS[i] for i in members)
        torch.testing.assert_close(codes.codebook[code], mean, atol=1e-6, rtol=1e-6)
        for i in members:
            assert torch.equal(after[VOXELS[i]], codes.codebook[code])
    others = torch.ones(27, dtype=torch.bool)
    others[VOXELS] = False
    assert torch.equal(after[others], before[others])


def test_synchronising_twice_changes_nothing() -> None:
    field, codes = a_field(), some_codes()
    quantizer = Quantizer(torch.tensor(0.1), 3)
    codes.synchronise(field, quantizer)
    features, codebook = field.features.data.clone(), codes.codebook.clone()
    for _ in range(3):
        codes.synchronise(field, quantizer)
        torch.testing.assert_close(codes.codebook, codebook, atol=1e-5, rtol=0)
        assert torch.equal(field.features.data, features)


def test_voxels_get_what_the_quantized_codes_decode_to() -> None:
    field, codes = a_field(), some_codes()
    quantizer = Quantizer(torch.tensor(0.25), -2)
    codes.synchronise(field, quantizer)
    values = field.features.data.view(27, 12)[VOXELS]
    assert torch.equal(values / 0.25, (values / 0.25).round())
    assert torch.equal(values, quantizer.dequantize(quantizer.quantize(codes.codebook))[INDICES])
    assert float((codes.codebook[INDICES] - values).abs().max()) <= 0.125 + 1e-6


@pytest.mark.parametrize("move", [0.3, -0.3])
def test_small_steps_add_up(move: float) -> None:
    """Ten moves of 0.03 or so, each far below half a step of 0.25, arrive at their sum."""
    field, codes = a_field(), some_codes()
    quantizer = Quantizer(torch.tensor(0.25))
    codes.synchronise(field, quantizer)
    start = codes.codebook.clone()
    for _ in range(40):
        field.features.data.view(27, 12)[VOXELS] += move / 40
        codes.synchronise(field, quantizer)
    used = INDICES.unique()
    torch.testing.assert_close(codes.codebook[used], start[used] + move, atol=1e-4, rtol=0)
    found = field.features.data.view(27, 12)[VOXELS]
    torch.testing.assert_close(found, (start + move)[INDICES], atol=0.126, rtol=0)


def test_one_quantizer_for_kept_features_and_codes() -> None:
    field, codes = a_field(), some_codes()
    kept = torch.tensor([0, 2, 3])
    features = field.features.data.view(27, 12)
    expected = features[kept].double().std(correction=0) / 15
    assert float(feature_quantizer(field, kept, codes, 15.0).scale) == pytest.approx(float(expected))
    codes.codebook.normal_()
    expected = codes.codebook.double().std(correction=0) / 15
    assert float(feature_quantizer(field, kept[:0], codes, 15.0).scale) == pytest.approx(float(expected))
