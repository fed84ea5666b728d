"""The tree over a codebook: balanced, complete, and the same under any scale by a power of two."""

import numpy as np
import pytest

from nerfzip.entropy.code_tree import VALUE_BITS, build_tree, integer_codebook


@pytest.mark.parametrize("count", [1, 2, 3, 5, 64, 100])
def test_every_code_is_a_leaf(count):
    values = np.random.default_rng(count).integers(-2000, 2000, (count, 4)).astype(np.int32)
    tree = build_tree(values)
    assert sorted(tree.leaves) == list(range(count))
    assert np.array_equal(tree.codes[tree.leaves], np.arange(count))


def test_a_node_splits_its_codes_at_its_threshold():
    values = np.random.default_rng(0).integers(-2000, 2000, (64, 6)).astype(np.int32)
    tree = build_tree(values)
    root = values @ tree.axes[1].astype(np.int64)
    assert (root[tree.codes[:32]] <= tree.thresholds[1]).all()
    assert (root[tree.codes[32:]] >= tree.thresholds[1]).all()


def test_the_first_axis_is_the_principal_one():
    rng = np.random.default_rng(1)
    direction = np.array([2.0, -1.0, 0.5, 0.0])
    values = np.rint(rng.normal(0, 300, (500, 1)) * direction + rng.normal(0, 40, (500, 4))).astype(np.int32)
    axis = build_tree(values).axes[1].astype(float)
    principal = np.linalg.svd(values - values.mean(0), full_matrices=False)[2][0]
    assert abs(axis @ principal) / np.linalg.norm(axis) > 0.999


def test_equal_codes_and_extreme_values():
    for values in (np.zeros((9, 3)), np.full((9, 3), -(1 << VALUE_BITS)), np.full((1 << 10, 64), 1 << VALUE_BITS)):
        assert sorted(build_tree(values.astype(np.int32)).leaves) == list(range(len(values)))


def test_the_integer_codebook_keeps_ratios():
    codebook = np.random.default_rng(2).normal(0, 1, (50, 3)).astype(np.float16)
    values = integer_codebook(codebook)
    assert 1 << (VALUE_BITS - 1) <= np.abs(values).max() <= 1 << VALUE_BITS
    assert np.array_equal(values, integer_codebook(codebook * np.float16(4)))
    assert np.abs(values / np.abs(values).max() - codebook / np.abs(codebook).max()).max() < 2e-3


def test_numbers_that_are_not_finite_are_survived():
    assert integer_codebook(np.array([[np.nan, np.inf], [-np.inf, 0]], np.float16)).shape == (2, 2)
    assert not integer_codebook(np.zeros((0, 3), np.float16)).any()
