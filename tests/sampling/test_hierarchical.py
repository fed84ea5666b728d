import numpy as np
import pytest
import torch
from scipy.stats import kstest

from nerfzip.sampling.hierarchical import by_weight, stratified


def test_stratified_distances_lie_one_in_each_part() -> None:
    torch.manual_seed(0)
    t_min, t_max = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 2.5, 3.0])
    for jitter in (False, True):
        distances = stratified(t_min, t_max, 8, jitter)
        parts = (distances - t_min[:, None])[:2] / (t_max - t_min)[:2, None] * 8
        assert bool((parts.floor() == torch.arange(8)).all())
        assert distances[2].tolist() == [3.0] * 8
    torch.testing.assert_close(stratified(t_min, t_max, 2, False)[0], torch.tensor([1.25, 1.75]))


def test_distances_are_distributed_as_the_weights_say() -> None:
    """Against the closed form: a density that is constant between the middles of neighbouring samples."""
    torch.manual_seed(0)
    distances = torch.tensor([[0.0, 1.0, 2.0, 4.0, 5.0]])
    weights = torch.tensor([[9.0, 1.0, 0.0, 3.0, 9.0]])
    drawn = by_weight(distances, weights, 20_000, jitter=True)[0]
    edges, cumulative = torch.tensor([0.5, 1.5, 3.0, 4.5]), torch.tensor([0.0, 0.25, 0.25, 1.0])

    def expected(x: np.ndarray) -> np.ndarray:
        return np.interp(x, edges.numpy(), cumulative.numpy())

    assert kstest(drawn.numpy(), expected).statistic < 2e-3
    assert bool((drawn.diff() >= 0).all())


@pytest.mark.parametrize("jitter", [False, True])
def test_rays_that_meet_nothing_are_sampled_evenly(jitter: bool) -> None:
    distances = torch.linspace(0, 1, 12)[None]
    drawn = by_weight(distances, torch.zeros(1, 12), 10, jitter)[0]
    borders = distances[0, 0] + (distances[0, 1] - distances[0, 0]) / 2
    width = (1 - 2 * borders) / 10
    assert bool((((drawn - borders) / width).floor() == torch.arange(10)).all())
