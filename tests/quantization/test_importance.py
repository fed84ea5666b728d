import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nerfzip.errors import ConfigError, TrainingError
from nerfzip.quantization import classify_voxels, cumulative_threshold

# Total 100; in ascending order 0 1 2 7 10 20 60 with running sums 0 1 3 10 20 40 100.
IMPORTANCE = torch.tensor([[60.0, 0.0, 7.0, 1.0], [20.0, 2.0, 10.0, 0.0]])


@pytest.mark.parametrize(
    ("fraction", "threshold"),
    [
        (0.0, 60.0),  # none is above
        (0.5, 60.0),  # the first running sum above 50 is 100
        (0.61, 20.0),  # above 39: 40; the 60 alone is above the threshold
        (0.75, 20.0),  # above 25: 40
        (0.85, 10.0),  # above 15: 20; kept are 20 and 60
        (0.95, 7.0),  # above 5: 10
        (0.995, 1.0),  # above 0.5: 1
        (1.0, 0.0),  # all with any importance are above
    ],
)
def test_hand_worked_thresholds(fraction: float, threshold: float) -> None:
    assert cumulative_threshold(IMPORTANCE, fraction) == threshold


def test_hand_worked_classes() -> None:
    """β_p = 0.02 drops the running sum up to 3; β_k = 0.85 keeps 20 and 60."""
    classes = classify_voxels(IMPORTANCE, prune=0.02, keep=0.85)
    assert classes.pruned.tolist() == [[False, True, False, True], [False, True, False, True]]
    assert classes.kept.tolist() == [[True, False, False, False], [True, False, False, False]]
    assert classes.vector_quantized.tolist() == [[False, False, True, False], [False, False, True, False]]


@pytest.mark.parametrize(
    ("prune", "keep", "counts"),
    [(0, 0, (2, 6, 0)), (0, 1, (2, 0, 6)), (1, 0, (8, 0, 0)), (1, 1, (8, 0, 0)), (0.001, 1, (3, 0, 5))],
)
def test_extremes(prune: float, keep: float, counts: tuple[int, int, int]) -> None:
    classes = classify_voxels(IMPORTANCE, prune, keep)
    masks = (classes.pruned, classes.vector_quantized, classes.kept)
    assert tuple(int(mask.sum()) for mask in masks) == counts


def test_the_papers_fractions_on_a_long_tail() -> None:
    """β_p = 0.001 loses 0.1 % of the importance, β_k = 0.6 keeps 60 % of it, each to within one voxel."""
    generator = torch.Generator().manual_seed(0)
    importance = torch.exp(3 * torch.randn(50, 40, 30, generator=generator))
    classes = classify_voxels(importance, prune=0.001, keep=0.6)
    share = importance.double() / importance.double().sum()
    assert float(share[classes.pruned].sum()) == pytest.approx(0.001, rel=0.01)
    assert float(share[classes.kept].sum()) == pytest.approx(0.6, abs=float(share.max()))
    assert importance[classes.pruned].max() < importance[classes.vector_quantized].min()
    assert importance[classes.vector_quantized].max() < importance[classes.kept].min()


@settings(deadline=None, max_examples=200)
@given(
    importance=st.lists(st.integers(0, 9) | st.floats(0, 1e3, width=32), min_size=1, max_size=30),
    fraction=st.floats(0.001, 0.999),
)
def test_definition_by_brute_force(importance: list[float], fraction: float) -> None:
    values = torch.tensor(importance, dtype=torch.float32)
    threshold = cumulative_threshold(values, fraction)
    exact = np.array(importance, dtype=np.float64)
    total = exact.sum()
    assert threshold in exact
    tolerance = 1e-9 * total
    assert exact[exact > threshold].sum() <= fraction * total + tolerance
    assert exact[exact >= threshold].sum() >= fraction * total - tolerance


def test_without_any_importance_nothing_is_kept_and_all_is_pruned() -> None:
    classes = classify_voxels(torch.zeros(4), prune=0.001, keep=0.6)
    assert bool(classes.pruned.all())
    assert not bool(classes.kept.any())
    assert bool(classify_voxels(torch.zeros(4), prune=0, keep=1).pruned.all())


@pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan])
def test_fractions_out_of_range(fraction: float) -> None:
    with pytest.raises(ConfigError, match="0 to 1"):
        cumulative_threshold(IMPORTANCE, fraction)


@pytest.mark.parametrize("importance", [[], [1.0, math.nan], [1.0, math.inf], [1.0, -1.0]])
def test_impossible_importance(importance: list[float]) -> None:
    with pytest.raises(TrainingError):
        cumulative_threshold(torch.tensor(importance), 0.5)
