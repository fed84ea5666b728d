import itertools
import math

import numpy as np
import pytest
import torch
from kernel_cases import seeded, threads_and_owners
from torch import Tensor

from nerfzip.errors import ConfigError
from nerfzip.kernels import use_twins
from nerfzip.kernels.cpu import hash_encoding as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.hash_encoding import hash_encoding, level_arrays
from nerfzip.kernels.hash_levels import HashLevels

SMALL = HashLevels(4, 3, 40, 2**10)
"""Two levels with a row for each node, two with shared rows."""
CASES = [(HashLevels(), 2, 60), (SMALL, 2, 400), (SMALL, 3, 400), (HashLevels(1, 5, 9, 2**7), 2, 300), (SMALL, 2, 1)]
"""Levels, features and samples."""


def random_case(levels: HashLevels, features: int, samples: int) -> tuple[Tensor, Tensor, Tensor]:
    table = torch.randn(levels.rows, features, generator=seeded(0))
    positions = 2.2 * torch.rand(samples, 3, generator=seeded(1)) - 1.1
    positions[: samples // 5] = positions[: samples // 5].round()
    return table, positions, torch.randn(samples, levels.count * features, generator=seeded(2))


def smoothstep(x: float) -> float:
    return 3 * x**2 - 2 * x**3


def reference(table: Tensor, positions: Tensor, levels: HashLevels) -> np.ndarray:
    """Node by node, in float64 and with the hash in 32 bits."""
    values = table.double().numpy()
    out = np.zeros((len(positions), levels.count, table.shape[1]))
    growth = (levels.finest / levels.base) ** (1 / max(levels.count - 1, 1))
    for n, position in enumerate(positions.double().tolist()):
        if max(map(abs, position)) > 1:
            continue
        first_row = 0
        for level in range(levels.count):
            resolution = math.ceil(levels.base * growth**level - 1e-9)
            entries = min(resolution**3, levels.max_entries)
            where = [(p + 1) / 2 * (levels.base * growth**level - 1) for p in position]
            for step in itertools.product((0, 1), repeat=3):
                x, y, z = (math.floor(w) + s for w, s in zip(where, step, strict=True))
                weight = math.prod(smoothstep(1 - abs(w - node)) for w, node in zip(where, (x, y, z), strict=True))
                if weight < 1e-15:  # A node beyond the last one.
                    continue
                if resolution**3 <= levels.max_entries:
                    row = x + y * resolution + z * resolution**2
                else:
                    row = (x ^ (y * 2654435761) % 2**32 ^ (z * 805459861) % 2**32) % entries
                out[n, level] += weight * values[first_row + row]
            first_row += entries
    return out.reshape(len(positions), -1)


def test_sizes_as_published() -> None:
    levels = HashLevels()
    assert levels.entries == [4096, 10648, 21952, 50653, 117649, 262144, *[524288] * 10]
    assert levels.rows == 5_710_022
    assert (levels.resolutions[0], levels.resolutions[5], levels.resolutions[-1]) == (16, 64, 1024)


@pytest.mark.parametrize(("levels", "features", "samples"), CASES)
def test_values_agree_with_a_slow_reference(levels: HashLevels, features: int, samples: int) -> None:
    table, positions, _ = random_case(levels, features, samples)
    out = hash_encoding(table, positions, levels)
    # In the finest published level a position is known to 6e-5 cells.
    np.testing.assert_allclose(out, reference(table, positions, levels), atol=5e-4)


@pytest.mark.parametrize(("levels", "features", "samples"), CASES)
def test_values_and_gradients_agree_with_the_twin(levels: HashLevels, features: int, samples: int) -> None:
    table, positions, upstream = random_case(levels, features, samples)
    table.requires_grad_()
    results = []
    for twins in (False, True):
        with use_twins(twins):
            out = hash_encoding(table, positions, levels)
            results.append((out, *torch.autograd.grad(out, table, upstream)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=5e-4, rtol=1e-4)


@pytest.mark.parametrize("twins", [False, True])
def test_each_node_of_a_dense_level_has_its_own_features(twins: bool) -> None:
    levels = HashLevels(1, 17, 17, 2**13)
    # Were a row read beyond the table, even with weight 0, the result would be NaN.
    table = torch.cat([random_case(levels, 2, 0)[0], torch.full((1000, 2), math.nan)])[: levels.rows]
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 17)] * 3, indexing="ij")
    nodes = torch.stack((x, y, z), dim=-1).view(-1, 3)
    with use_twins(twins):
        assert torch.equal(hash_encoding(table, nodes, levels), table)


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("coordinate", [-1.0000001, 1.0000001, 7.0, math.inf, math.nan])
def test_outside_the_encoding_is_zero(coordinate: float, twins: bool) -> None:
    table, *_ = random_case(SMALL, 2, 0)
    table.requires_grad_()
    positions = torch.full((4, 3), 0.5)
    positions[torch.arange(3), torch.arange(3)] = coordinate
    with use_twins(twins):
        out = hash_encoding(table, positions, SMALL)
        (gradient,) = torch.autograd.grad(out[:3].sum(), table)
    assert (out[:3] == 0).all()
    assert (out[3] != 0).all()
    assert (gradient == 0).all()


def test_the_gradient_is_that_of_each_entry_alone() -> None:
    levels = HashLevels(2, 3, 6, 2**6)
    table, positions, _ = random_case(levels, 2, 7)
    table.requires_grad_()
    # The encoding is linear in the table, so its values for a single 1 are its derivatives.
    derivatives = [hash_encoding(one.view_as(table), positions, levels) for one in torch.eye(table.numel())]
    out = hash_encoding(table, positions, levels)
    gradients = [torch.autograd.grad(part, table, retain_graph=True)[0].flatten() for part in out.flatten()]
    torch.testing.assert_close(torch.stack(gradients), torch.stack(derivatives, dim=-1).flatten(0, 1))


def test_the_same_bits_for_any_number_of_threads_and_owners() -> None:
    table, positions, upstream = random_case(SMALL, 2, 3000)
    by_level = upstream.view(-1, SMALL.count, 2).transpose(0, 1).contiguous()
    arguments = positions.numpy(), *level_arrays(SMALL), channel_tuple(2)
    results = []
    for owners in threads_and_owners():
        out, gradient = torch.empty(len(positions), SMALL.count, 2), torch.empty_like(table)
        cpu.gather(table.numpy(), *arguments, out.numpy(), owners)
        cpu.scatter(gradient.numpy(), *arguments, by_level.numpy(), owners)
        results.append(torch.cat([out.flatten(), gradient.flatten()]))
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize("twins", [False, True])
def test_no_samples(twins: bool) -> None:
    table, positions, upstream = random_case(SMALL, 2, 0)
    table.requires_grad_()
    with use_twins(twins):
        out = hash_encoding(table, positions, SMALL)
        (gradient,) = torch.autograd.grad(out, table, upstream)
    assert out.shape == (0, 8)
    assert torch.equal(gradient, torch.zeros_like(table))


def test_a_table_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        hash_encoding(torch.zeros(SMALL.rows - 1, 2), torch.zeros(1, 3), SMALL)


@pytest.mark.parametrize(
    "settings", [(0, 16, 32, 64), (2, 1, 32, 64), (2, 16, 15, 64), (2, 16, 32, 63), (2, 16, 32, 0)]
)
def test_impossible_levels_are_refused(settings: tuple[int, int, int, int]) -> None:
    with pytest.raises(ConfigError):
        HashLevels(*settings)
