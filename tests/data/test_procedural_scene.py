"""The embedded scene as a capture: cameras, reproducibility, cache, motion."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nerfzip.data.procedural import load_procedural, load_procedural_dynamic
from nerfzip.data.procedural import scene as scene_module
from nerfzip.data.procedural.orrery import orrery
from nerfzip.data.procedural.parts import pack
from nerfzip.data.procedural.tracing import trace_depth
from nerfzip.errors import ConfigError
from nerfzip.geometry import check_pose

SMALL = {"resolution": 24, "views": 3, "test_views": 2}


def test_cameras_look_at_the_origin_from_the_upper_hemisphere(tmp_path: Path) -> None:
    scene = load_procedural(resolution=32, views=50, test_views=12, cache=tmp_path)
    for views in (scene.train, scene.test):
        poses = views.cameras.camera_to_world
        for index in range(len(views)):
            check_pose(poses[index], views.names[index])
            column, row, depth = views.cameras.project(torch.zeros(1, 3), index)[0].tolist()
            assert (column, row, depth) == pytest.approx((16, 16, 4), abs=1e-4)
            # The world's z axis points upwards in the picture.
            assert views.cameras.project(torch.tensor([[0.0, 0.0, 0.2]]), index)[0, 1] < 16
        assert (poses[:, 2, 3] > 0).all()
    # Uniform over the hemisphere: the heights are uniform between 0 and 4.
    assert scene.train.cameras.camera_to_world[:, 2, 3].mean() == pytest.approx(2, abs=0.4)


def test_what_is_seen_lies_in_the_box_and_between_near_and_far(tmp_path: Path) -> None:
    scene = load_procedural(resolution=100, views=4, cache=tmp_path)
    low, high = torch.tensor(scene.box.minimum), torch.tensor(scene.box.maximum)
    for index in range(4):
        depth = torch.from_numpy(trace_depth(pack(orrery(0.0)), scene.train.cameras, index)).reshape(-1)
        seen = torch.isfinite(depth)
        rays = scene.train.cameras.image_rays(index)
        points = (rays.origins + depth[:, None] * rays.directions)[seen]
        assert 0.15 < seen.float().mean() < 0.7
        assert (points > low).all() and (points < high).all()
        assert scene.near < depth[seen].min() and depth[seen].max() < scene.far
        alpha = scene.train.rgba(index)[..., 3].reshape(-1)
        assert alpha[seen].min() > 0 and alpha[~seen].max() < 1


def test_one_seed_same_bits_other_seed_other_cameras(tmp_path: Path) -> None:
    first, again = (load_procedural(**SMALL, cache=tmp_path / folder) for folder in "ab")
    other = load_procedural(**SMALL, seed=1, cache=tmp_path)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert torch.equal(first.train.images(first.background), again.train.images(first.background))
    assert torch.equal(first.train.cameras.camera_to_world, again.train.cameras.camera_to_world)
    assert not torch.allclose(first.train.cameras.camera_to_world, other.train.cameras.camera_to_world)
    assert torch.equal(first.test.cameras.camera_to_world, other.test.cameras.camera_to_world)


def test_a_second_load_reads_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = load_procedural(**SMALL, cache=tmp_path).train.rgba(0)
    monkeypatch.setattr(scene_module, "trace_image", None)
    assert torch.equal(load_procedural(**SMALL, cache=tmp_path).train.rgba(0), made)


def test_damaged_cache_files_are_made_again(tmp_path: Path) -> None:
    scene = load_procedural(**SMALL, cache=tmp_path)
    made = scene.train.rgba(0)
    (path,) = tmp_path.glob("*/train-0000.png")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    for damaged in (b"", whole[: len(whole) // 2], bytes(flipped), whole[:-1], b"no image"):
        path.write_bytes(damaged)
        assert torch.equal(scene.train.rgba(0), made)
        assert path.read_bytes() == whole
    assert len(list(path.parent.iterdir())) == 1


def test_a_cache_that_can_not_be_written_costs_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    expected = load_procedural(**SMALL, cache=tmp_path / "folder").train.rgba(0)
    with pytest.warns(UserWarning, match="can't be written"):
        assert torch.equal(load_procedural(**SMALL, cache=tmp_path / "file").train.rgba(0), expected)


def test_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load_procedural(**SMALL).test.rgba(1)
    assert len(list((tmp_path / "nerfzip" / "procedural").glob("*/test-0001.png"))) == 1


@pytest.mark.parametrize(
    "setting", [{"resolution": 0}, {"views": -1}, {"test_views": 0}, {"samples": 1.5}, {"seed": -1}]
)
def test_impossible_settings_are_named(setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(setting))}: "):
        load_procedural(**setting)
    with pytest.raises(ConfigError, match=r"^frames: 0"):
        load_procedural_dynamic(frames=0)


def test_frames_differ_and_cameras_do_not(tmp_path: Path) -> None:
    video = load_procedural_dynamic(frames=5, **SMALL, cache=tmp_path)
    assert len(video) == 5
    assert len({frame.fingerprint for frame in video.frames}) == 5
    first = video.frames[0]
    for earlier, later in zip(video.frames[:-1], video.frames[1:], strict=True):
        assert later.box == first.box
        assert torch.equal(later.train.cameras.camera_to_world, first.train.cameras.camera_to_world)
        assert not torch.equal(later.train.rgba(0), earlier.train.rgba(0))
    static = load_procedural(**SMALL, cache=tmp_path)
    assert torch.equal(static.train.rgba(0), first.train.rgba(0))
    assert all(low >= frame for low, frame in zip(static.box.minimum, first.box.minimum, strict=True))


def test_parts_appear() -> None:
    counts = [len(orrery(time)) for time in (0.0, 0.2, 0.5, 1.0)]
    assert counts == sorted(counts) and len(set(counts)) == 4


def test_pixels_belong_to_this_version(tmp_path: Path) -> None:
    """Fails when a change alters pixels: then count up GENERATOR_VERSION and put the new numbers here."""
    image = load_procedural(resolution=48, views=1, test_views=1, cache=tmp_path).test.rgba(0).numpy()
    premultiplied = np.concatenate([image[..., :3] * image[..., 3:], image[..., 3:]], axis=-1)
    blocks = 100 * premultiplied.reshape(4, 12, 4, 12, 4).mean(axis=(1, 3))
    assert scene_module.GENERATOR_VERSION == 1
    np.testing.assert_allclose(blocks[1:, 1:3].reshape(-1, 4), EXPECTED_PERCENT, atol=0.11)


# Premultiplied RGBA of six blocks of the picture.
EXPECTED_PERCENT = [
    [28.7, 23.8, 14.8, 37.8],
    [29.1, 25.9, 18.6, 49.0],
    [57.1, 53.7, 43.9, 96.2],
    [54.2, 53.5, 47.7, 97.1],
    [52.3, 46.2, 36.4, 85.6],
    [51.8, 43.7, 33.6, 85.6],
]
