from pathlib import Path

import numba
import numpy as np
import pytest
import torch

from nerfzip.data.procedural import load_procedural_objects
from nerfzip.data.procedural.object_tracing import sample_distances
from nerfzip.data.procedural.objects import object_seed
from nerfzip.data.procedural.random_objects import random_object
from nerfzip.data.procedural.solids import CONE, FLOWER, PRISM, RING, ROUNDED_BOX, SUPERQUADRIC, distance
from nerfzip.data.scene import Scene
from nerfzip.errors import ConfigError

SOLIDS = {
    "ellipsoid": (SUPERQUADRIC, (0.5, 0.3, 0.2), (1.0, 1.0)),
    "superquadric": (SUPERQUADRIC, (0.4, 0.3, 0.35), (0.3, 1.4)),
    "rounded box": (ROUNDED_BOX, (0.4, 0.2, 0.3), (0.1, 0.0)),
    "prism": (PRISM, (0.4, 0.0, 0.3), (5.0, 0.0)),
    "twisted prism": (PRISM, (0.4, 0.0, 0.3), (3.0, 2.0)),
    "flower": (FLOWER, (0.4, 0.2, 0.3), (7.0, -2.0)),
    "ring": (RING, (0.35, 0.0, 0.1), (0.0, 0.0)),
    "cone": (CONE, (0.4, 0.1, 0.3), (0.0, 0.0)),
}


@numba.njit
def distances(kind, points, size, shape):  # type: ignore[no-untyped-def]
    out = np.empty(len(points))
    for n in range(len(points)):
        out[n] = distance(kind, (points[n, 0], points[n, 1], points[n, 2]), size, shape)
    return out


@pytest.mark.parametrize("name", SOLIDS)
def test_outside_there_is_no_surface_within_the_distance(name: str) -> None:
    kind, size, shape = SOLIDS[name]
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.9, 0.9, (300, 3))
    free = distances(kind, points, size, shape)
    assert (free < 0).any() and (free > 0).any()
    outside = free > 0
    directions = rng.normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for point, radius in zip(points[outside], free[outside], strict=True):
        assert (distances(kind, point + 0.999 * radius * directions, size, shape) > 0).all()


@pytest.mark.parametrize(
    ("name", "volume"),
    [
        ("ellipsoid", 4 / 3 * np.pi * 0.5 * 0.3 * 0.2),
        ("prism", 2.5 * 0.4**2 * np.sin(2 * np.pi / 5) * 0.6),
        ("twisted prism", 1.5 * 0.4**2 * np.sin(2 * np.pi / 3) * 0.6),
        ("ring", 2 * np.pi**2 * 0.35 * 0.1**2),
        ("cone", np.pi * 0.6 / 3 * (0.4**2 + 0.4 * 0.1 + 0.1**2)),
    ],
)
def test_volumes_are_those_of_the_closed_forms(name: str, volume: float) -> None:
    kind, size, shape = SOLIDS[name]
    axis = (np.arange(80) + 0.5) / 80 - 0.5
    points = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    assert (distances(kind, points, size, shape) < 0).mean() == pytest.approx(volume, rel=0.02)


@pytest.mark.parametrize("number", range(6))
def test_objects_fill_a_sphere_and_do_not_leave_it(number: int) -> None:
    cells = np.argwhere(sample_distances(random_object((9, number)), 100) < 0)
    furthest = np.linalg.norm((cells + 0.5) / 50 - 1, axis=1).max()
    assert 0.43 < furthest < 0.5


def test_objects_differ_and_splits_share_none() -> None:
    scenes = {
        (split, number): random_object(object_seed(split, number)) for split in ("train", "val") for number in (0, 1)
    }
    contents = {solids.tobytes() for solids in scenes.values()}
    assert len(contents) == 4
    assert random_object(object_seed("val", 1)).tobytes() == scenes["val", 1].tobytes()


def object_scene(folder: Path, **settings: object) -> Scene:
    return load_procedural_objects(resolution=32, cache=folder, **settings)  # type: ignore[arg-type]


def test_views_show_the_object_inside_its_box_and_no_further(tmp_path: Path) -> None:
    scene = object_scene(tmp_path, scene=3)
    assert {split: len(views) for split, views in scene.splits.items()} == {"train": 24, "test": 16, "source": 16}
    box = np.array([scene.box.minimum, scene.box.maximum])
    corners = np.stack(np.meshgrid(*box.T), axis=-1).reshape(-1, 3)
    assert float(np.abs(scene.train.cameras.camera_to_world[:, :3, 3].norm(dim=1).numpy() - 1.2).max()) < 1e-6
    for index in range(len(scene.test)):
        alpha = scene.test.rgba(index)[..., 3].numpy()
        assert 0.02 < alpha.mean() < 0.9
        rows, columns = np.nonzero(alpha)
        seen = scene.test.cameras.project(torch.tensor(corners, dtype=torch.float32), index)
        assert columns.min() >= seen[:, 0].min() - 1 and columns.max() <= seen[:, 0].max() + 1
        assert rows.min() >= seen[:, 1].min() - 1 and rows.max() <= seen[:, 1].max() + 1


def test_a_view_is_the_same_again_and_from_the_cache(tmp_path: Path) -> None:
    first = object_scene(tmp_path / "a").train.rgba(5)
    assert bool((object_scene(tmp_path / "a").train.rgba(5) == first).all())
    assert bool((object_scene(tmp_path / "b").train.rgba(5) == first).all())
    # View 7 of all is the sixth of those for training, and the same picture in any split.
    assert object_scene(tmp_path / "a").train.names[0] == object_scene(tmp_path / "a").splits["source"].names[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "training"}, "split: 'training', expected train, val, test"),
        ({"scene": -1}, "scene: -1, expected a whole number"),
        ({"samples": 0}, "samples: 0, expected a whole number of at least 1"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        object_scene(tmp_path, **settings)
