"""ReRF's transform: blocks, DCT, table, principal components."""

import itertools

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from methods.rerf.blocks import any_in_block, block_counts, join, split, voxels_of
from methods.rerf.transform import (
    dct,
    dequantize,
    inverse_dct,
    principal_axes,
    quality_factor,
    quantization_table,
    quantize,
    steps,
)

SHEET = {
    (0, 0): "16 12.3 12.1 14.1 18 23.4 37.1 54.1",
    (1, 2): "14.7 18 22.4 30.2 43.2 57.7",
    (3, 6): "92.3 89.7",
    (5, 5): "104 112.7 102.4",
    (7, 7): "99",
}
"""Rows of the sheet, baselines.md §4."""


@pytest.mark.parametrize("shape", [(8, 8, 8), (1, 9, 16), (17, 5, 23)])
def test_blocks_are_the_grid_padded_with_zeros(shape: tuple[int, int, int]) -> None:
    grid = torch.randn(*shape, 3, generator=torch.Generator().manual_seed(0))
    blocks = split(grid)
    assert tuple(blocks.shape) == (*block_counts(shape), 3, 8, 8, 8)
    everything = torch.ones(block_counts(shape), dtype=torch.bool)
    assert torch.equal(join(blocks[everything], everything, shape), grid)
    first = torch.zeros_like(everything)
    first[0, 0, 0] = True
    assert torch.equal(join(blocks[first], first, shape)[:8, :8, :8], grid[:8, :8, :8])
    assert not join(blocks[first], first, shape)[8:].any()
    assert float(blocks.double().sum()) == pytest.approx(float(grid.double().sum()))
    padded = np.pad(grid.numpy(), [(0, -size % 8) for size in shape] + [(0, 0)])
    last = [size - 8 for size in padded.shape[:3]]
    expected = padded[last[0] :, last[1] :, last[2] :].transpose(3, 0, 1, 2)
    assert np.array_equal(blocks[-1, -1, -1].numpy(), expected)


def test_masks_of_blocks_and_voxels() -> None:
    mask = torch.zeros(17, 5, 23, dtype=torch.bool)
    mask[16, 4, 8] = True
    blocks = any_in_block(mask)
    assert blocks.nonzero().tolist() == [[2, 0, 1]]
    assert voxels_of(blocks, (17, 5, 23)).sum() == 1 * 5 * 8


def test_the_dct_is_scipys() -> None:
    blocks = torch.randn(5, 3, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = dctn(blocks.double().numpy(), axes=(2, 3, 4), norm="ortho")
    torch.testing.assert_close(dct(blocks).double(), torch.from_numpy(expected), atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(inverse_dct(dct(blocks)), blocks, atol=2e-5, rtol=1e-5)


def test_the_table_is_that_of_the_sheet_and_symmetric() -> None:
    table = quantization_table()
    for axes in itertools.permutations(range(3)):
        assert np.array_equal(table, table.transpose(axes))
    for (i, j), row in SHEET.items():
        assert table[i, j, j:].tolist() == [float(entry) for entry in row.split()]
    # The diagonal is that of JPEG's luminance table (ITU-T T.81, table K.1).
    assert table[range(8), range(8), range(8)].tolist() == [16, 12, 16, 29, 68, 104, 120, 99]
    assert table.min() > 0


@pytest.mark.parametrize(("quality", "factor"), [(99, 0.02), (75, 0.5), (50, 1.0), (25, 2.0)])
def test_quality_scales_the_table_as_in_jpeg(quality: float, factor: float) -> None:
    assert quality_factor(quality) == pytest.approx(factor)
    scaled = steps(quality, 13)
    assert scaled.shape == (13, 8, 8, 8)
    table = torch.from_numpy(quantization_table()).float()
    torch.testing.assert_close(scaled[6], table * factor)
    torch.testing.assert_close(scaled[7], table * quality_factor(quality - 1))


def random_blocks() -> torch.Tensor:
    """Features of which a few directions hold most."""
    generator = torch.Generator().manual_seed(0)
    blocks = torch.randn(30, 13, 8, 8, 8, generator=generator)
    mixing = torch.randn(12, 12, generator=generator) * torch.logspace(0, -2, 12)
    return torch.cat([blocks[:, :1], torch.einsum("oc,bcxyz->boxyz", mixing, blocks[:, 1:])], dim=1)


def test_the_axes_are_orthonormal_and_the_strongest_come_first() -> None:
    blocks = random_blocks()
    axes = principal_axes(blocks).astype(np.float64)
    np.testing.assert_allclose(axes @ axes.T, np.eye(12), atol=2e-3)
    features = blocks[:, 1:].permute(0, 2, 3, 4, 1).reshape(-1, 12).double().numpy()
    energies = ((features @ axes.T) ** 2).sum(axis=0)
    singular = np.linalg.svd(features, compute_uv=False)
    np.testing.assert_allclose(energies, singular**2, rtol=0.05)


def test_errors_fall_with_quality_and_stay_within_half_a_step() -> None:
    blocks = random_blocks()
    axes = principal_axes(blocks)
    errors = []
    for quality in (50, 85, 99, 99.9):
        coefficients = quantize(blocks, axes, quality)
        assert coefficients.dtype == np.int16
        assert coefficients.shape == (30, 13, 512)
        difference = dequantize(coefficients, axes, quality) - blocks
        errors.append(float(difference.square().mean()))
        density = dct(difference[:, :1])
        assert bool((density.abs() <= 0.5 * steps(quality, 1) + 1e-3).all())
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 10 * errors[-1]


def test_coefficients_that_do_not_fit_are_clipped() -> None:
    blocks = torch.full((1, 13, 8, 8, 8), 1e6)
    coefficients = quantize(blocks, np.eye(12, dtype=np.float16), 99)
    assert int(coefficients.max()) == 32767
