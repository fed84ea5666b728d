"""A tiny scene, and what was fitted to it and compressed: made once, read by many tests, changed by none."""

import pytest
import torch
from tiny_models import tiny_base, tiny_vqrf

from nerfzip.data.procedural import load_procedural
from nerfzip.data.scene import Scene
from nerfzip.fields import VoxelField


@pytest.fixture(scope="session")
def tiny_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    cache = tmp_path_factory.mktemp("procedural")
    return load_procedural(resolution=32, views=12, test_views=3, samples=2, cache=cache)


@pytest.fixture(scope="session")
def sample_field(tiny_scene: Scene) -> VoxelField:
    """DVGO: colours at samples."""
    torch.manual_seed(0)
    return tiny_base("sample").fit(tiny_scene)


@pytest.fixture(scope="session")
def ray_field(tiny_scene: Scene) -> VoxelField:
    """The deferred variant: one colour a ray."""
    torch.manual_seed(0)
    return tiny_base("ray").fit(tiny_scene)


@pytest.fixture(scope="session")
def vqrf_file(tiny_scene: Scene, ray_field: VoxelField) -> bytes:
    torch.manual_seed(0)
    return tiny_vqrf().compress(ray_field, tiny_scene)
