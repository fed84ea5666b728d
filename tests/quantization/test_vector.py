import numpy as np
import pytest
import torch
from scipy.cluster.vq import kmeans2
from scipy.spatial import cKDTree
from torch import Tensor

from nerfzip.errors import ConfigError, TrainingError
from nerfzip.kernels.backend import use_twins
from nerfzip.quantization import nearest_codes, train_codebook


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clustered(voxels: int, clusters: int, channels: int = 4) -> Tensor:
    centres = 2 * torch.randn(clusters, channels, generator=seeded(1))
    members = torch.randint(clusters, (voxels,), generator=seeded(2))
    return centres[members] + torch.randn(voxels, channels, generator=seeded(3))


def weighted_error(features: Tensor, importance: Tensor, codebook: Tensor) -> float:
    """Eq. 8, by another library's nearest-neighbour search, divided by the total importance."""
    distances = cKDTree(codebook.double().numpy()).query(features.double().numpy())[0]
    return float(np.average(distances**2, weights=importance.double().numpy()))


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize(("vectors", "codes", "channels"), [(1, 1, 1), (31, 7, 3), (1000, 300, 12), (65, 2, 27)])
def test_nearest_codes_agree_with_a_tree(twins: bool, vectors: int, codes: int, channels: int) -> None:
    features = torch.randn(vectors, channels, generator=seeded())
    codebook = torch.randn(codes, channels, generator=seeded(1))
    if twins:
        with use_twins():
            indices = nearest_codes(features, codebook)
    else:
        indices = nearest_codes(features, codebook)
    least = cKDTree(codebook.double().numpy()).query(features.double().numpy())[0]
    distances = (features.double() - codebook[indices].double()).norm(dim=1).numpy()
    assert indices.dtype == torch.int64
    np.testing.assert_allclose(distances, least, atol=1e-5)


def test_nearest_codes_in_more_than_one_block_of_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerfzip.kernels.twins.nearest_code.DISTANCES_AT_ONCE", 50)
    features, codebook = torch.randn(33, 4, generator=seeded()), torch.randn(20, 4, generator=seeded(1))
    with use_twins():
        indices = nearest_codes(features, codebook)
    assert torch.equal(indices, torch.cdist(features, codebook).argmin(dim=1))


@pytest.mark.parametrize("twins", [False, True])
def test_nearest_codes_of_no_vectors(twins: bool) -> None:
    features, codebook = torch.zeros(0, 4), torch.zeros(3, 4)
    if twins:
        with use_twins():
            assert nearest_codes(features, codebook).shape == (0,)
    else:
        assert nearest_codes(features, codebook).shape == (0,)


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_training_comes_close_to_weighted_k_means(spread: float) -> None:
    """The reference repeats each voxel in proportion to its importance and runs scipy's k-means, k-means++ start."""
    features = clustered(3000, clusters=40)
    importance = torch.exp(spread * torch.randn(3000, generator=seeded(4)))
    codebook = train_codebook(features, importance, 24, iterations=100, batch=500, generator=seeded())

    chances = (importance.double() / importance.double().sum()).numpy()
    repeated = features.numpy()[np.random.default_rng(0).choice(3000, 20_000, p=chances / chances.sum())]
    reference, _ = kmeans2(repeated, 24, minit="++", iter=40, seed=0)
    start = features[torch.multinomial(importance, 24, generator=seeded())]

    error = weighted_error(features, importance, codebook)
    assert codebook.shape == (24, 4)
    assert error < 1.1 * weighted_error(features, importance, torch.from_numpy(reference))
    assert error < 0.75 * weighted_error(features, importance, start)


def test_importance_decides_where_the_codes_go() -> None:
    """Two groups of four points; only the first has importance worth mentioning."""
    features = torch.cat([torch.eye(4), 10 + torch.eye(4)]).repeat(25, 1)
    importance = torch.tensor([1.0] * 4 + [1e-9] * 4).repeat(25)
    codebook = train_codebook(features, importance, 4, iterations=60, batch=64, generator=seeded())
    assert torch.allclose(codebook[codebook.argmax(dim=1).argsort()], torch.eye(4), atol=1e-3)


def test_expiry_revives_dead_codes() -> None:
    """Nearly all of the 16 codes start on the same point, where one of them takes everything; 15 places need a code."""
    crowd = torch.zeros(4000, 2)
    angles = torch.arange(15) * (2 * torch.pi / 15)
    outposts = 10 * torch.stack([angles.cos(), angles.sin()], dim=1)
    features = torch.cat([crowd, outposts.repeat_interleave(40, dim=0)])
    importance = torch.ones(len(features))

    def error(expire: int) -> float:
        codebook = train_codebook(
            features, importance, 16, iterations=60, batch=1000, generator=seeded(), expire=expire
        )
        return weighted_error(features, importance, codebook)

    assert error(expire=2) < 0.01
    assert error(expire=0) > 0.1


def test_the_generator_decides() -> None:
    features, importance = clustered(500, clusters=10), torch.rand(500, generator=seeded(5))
    first, same, other = (
        train_codebook(features, importance, 8, iterations=5, batch=100, generator=seeded(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_no_importance_counts_as_equal_importance() -> None:
    features = clustered(500, clusters=10)
    nothing, equal = (
        train_codebook(features, importance, 8, iterations=20, batch=100, generator=seeded())
        for importance in (torch.zeros(500), torch.ones(500))
    )
    assert torch.equal(nothing, equal)


def test_scaling_the_importance_changes_nothing() -> None:
    features, importance = clustered(500, clusters=10), torch.rand(500, generator=seeded(5))
    small, large = (
        train_codebook(features, importance * scale, 8, iterations=20, batch=100, generator=seeded())
        for scale in (2.0**-20, 2.0**20)
    )
    assert torch.equal(small, large)


@pytest.mark.parametrize("voxels", [0, 1, 16])
def test_with_no_more_voxels_than_codes_each_voxel_is_a_code(voxels: int) -> None:
    features = torch.randn(voxels, 3, generator=seeded())
    codebook = train_codebook(features, torch.ones(voxels), 16, iterations=5, batch=10, generator=seeded())
    assert torch.equal(codebook, features)
    if voxels:
        assert torch.equal(nearest_codes(features, codebook), torch.arange(voxels))


def test_few_voxels_with_importance_and_a_batch_larger_than_the_grid() -> None:
    features = clustered(50, clusters=5)
    importance = torch.zeros(50)
    importance[:3] = 1
    codebook = train_codebook(features, importance, 40, iterations=10, batch=200, generator=seeded(), expire=100)
    assert bool(torch.isfinite(codebook).all())
    assert weighted_error(features, importance, codebook) < 1e-9


@pytest.mark.parametrize("setting", [{"size": 0}, {"batch": 0}, {"decay": 1.0}, {"decay": -0.1}, {"expire": -1}])
def test_impossible_settings(setting: dict) -> None:
    settings = {"size": 2, "iterations": 1, "batch": 4, "generator": seeded(), **setting}
    with pytest.raises(ConfigError, match=f"{next(iter(setting))}={next(iter(setting.values()))}"):
        train_codebook(torch.zeros(5, 2), torch.ones(5), **settings)


@pytest.mark.parametrize(("feature", "weight"), [(np.nan, 1.0), (0.0, np.inf), (0.0, -1.0)])
def test_values_that_are_not_finite(feature: float, weight: float) -> None:
    with pytest.raises(TrainingError):
        train_codebook(
            torch.full((5, 2), feature), torch.full((5,), weight), 2, iterations=1, batch=4, generator=seeded()
        )
