"""Choosing codes by distance and rate."""

import torch

from methods.vqrf.rate_distortion import choose_codes, index_costs
from nerfzip.kernels import use_twins
from nerfzip.kernels.nearest_code import cheapest_codes


def _problem():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3000, 4, generator=generator)
    weights = torch.rand(3000, generator=generator) + 0.1
    codebook = torch.randn(64, 4, generator=generator)
    return features, weights, codebook


def _entropy(chosen):
    shares = torch.bincount(chosen, minlength=64).double() / len(chosen)
    return -(shares * shares.clamp_min(1e-12).log2()).sum()


def test_without_rate_the_nearest_code_is_chosen():
    features, weights, codebook = _problem()
    assert torch.equal(choose_codes(features, weights, codebook, 0.0), torch.cdist(features, codebook).argmin(1))


def test_more_rate_weight_spends_fewer_bits_and_more_distance():
    features, weights, codebook = _problem()
    entropies, distances = [], []
    for rate_weight in (0.0, 0.1, 0.4):
        chosen = choose_codes(features, weights, codebook, rate_weight)
        entropies.append(_entropy(chosen))
        distances.append((weights * (features - codebook[chosen]).square().sum(1)).sum())
    assert entropies[0] > entropies[1] > entropies[2]
    assert distances[0] < distances[1] < distances[2]


def test_costs_are_the_code_lengths_of_the_shares():
    assert torch.allclose(index_costs(torch.tensor([7, 3, 1, 1])), torch.tensor([1.0, 2.0, 3.0, 3.0]))


def test_no_voxel():
    assert choose_codes(torch.zeros(0, 4), torch.zeros(0), torch.zeros(3, 4), 0.5).shape == (0,)


def test_the_kernel_finds_what_the_whole_matrix_of_costs_says():
    features, weights, codebook = _problem()
    costs = index_costs(torch.randint(0, 200, (64,), generator=torch.Generator().manual_seed(1)))
    whole = weights[:, None] * torch.cdist(features.double(), codebook.double()).square() + costs
    for twins in (False, True):
        with use_twins(twins):
            chosen = cheapest_codes(features, weights, codebook, costs)
        found = whole[torch.arange(len(whole)), chosen]
        torch.testing.assert_close(found, whole.min(dim=1).values, atol=1e-4, rtol=1e-5)
