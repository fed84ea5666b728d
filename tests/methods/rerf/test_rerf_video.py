"""ReRF's closed loop, motion and files, on a tiny video."""

import copy
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from decode_limits import within_limits

from methods.rerf.blocks import block_counts
from methods.rerf.closed_loop import decode_frame, encode_frame
from methods.rerf.key_frame import KeyFrameSettings
from methods.rerf.method import ReRF
from methods.rerf.model import Frame, VideoModel, empty_density, empty_like, grids_of, with_grids
from methods.rerf.motion import MotionSettings, find_motion
from methods.rerf.residual import ResidualSettings
from methods.rerf.training import VideoBase
from methods.rerf.warp import warped
from nerfzip.bitstream import BitstreamReader, pack, tensor_digest, unpack
from nerfzip.data.procedural import load_procedural_dynamic
from nerfzip.data.scene import Scene, Views, VolumetricScene
from nerfzip.errors import BitstreamError, ConfigError
from nerfzip.fields import ColourMLP, Shading, VoxelField, VoxelGeometry
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.geometry import Box, Rays
from nerfzip.kernels import interpolate_trilinear
from nerfzip.kernels.marching import density_of_alpha
from nerfzip.metrics import psnr
from nerfzip.rendering.images import render_image
from nerfzip.sampling import Occupancy
from nerfzip.training.hull import HullSettings, hull_of
from nerfzip.training.losses import LossWeights
from nerfzip.training.voxel_trainer import LearningRates

LOSSES = LossWeights(background_entropy=0.001, per_point_rgb=0.01)
KEY_FRAME = KeyFrameSettings(
    voxels=20000,
    channels=12,
    growth_at=[30],
    growth_factor=4.0,
    shift_per_growth=0.0,
    iterations=80,
    rays=512,
    alpha_init=1e-3,
    step_ratio=0.9,
    refresh_every=0,
    occupied_alpha=0.01,
    learning_rates=LearningRates(density=0.5, features=0.2, decoder=3e-3, decay=0.1, decay_steps=80),
    loss_weights=LOSSES,
    thresholds=Thresholds(alpha=1e-4, weight=1e-3, transmittance=1e-3),
)
RESIDUAL = ResidualSettings(
    iterations=20,
    rays=512,
    density_start="warped",
    feature_deviation=1e-2,
    density_deviation=0.0,
    occupied_alpha=0.01,
    learning_rates=LearningRates(density=0.5, features=0.1, decoder=0.0, decay=0.1, decay_steps=20),
    loss_weights=LOSSES,
)
MOTION = MotionSettings(iterations=10, rays=256, learning_rate=0.3, deviation=1e-2, variation=1e-3)
HULL = HullSettings(fewest_views=2, misses=0)
MEMORY_LIMIT = 1 << 28
RAYS = Rays(torch.tensor([[4.0, 0.3, 0.2]]), torch.tensor([[-1.0, 0.0, 0.0]]))


def rerf(**changes: Any) -> ReRF:
    settings: dict[str, Any] = {
        "base": VideoBase(16, 2, 2, HULL, KEY_FRAME, MOTION, RESIDUAL),
        "quality": 98,
        "group_size": 3,
        "kept_alpha": 0.1,
        "occupied_alpha": 0.01,
        "motion_step": 0.125,
        "coder": "range",
    }
    return ReRF(**(settings | changes))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> VolumetricScene:
    cache = tmp_path_factory.mktemp("views")
    return load_procedural_dynamic(frames=4, resolution=32, views=12, test_views=3, samples=2, cache=cache)


@pytest.fixture(scope="module")
def model(video: VolumetricScene) -> VideoModel:
    torch.manual_seed(0)
    return rerf().fit(video)


@pytest.fixture(scope="module")
def files(model: VideoModel, video: VolumetricScene) -> dict[str, bytes]:
    made = {coder: rerf(coder=coder).compress(model, video) for coder in ("range", "huffman")}
    for data in made.values():
        tensor_digest(rerf().decompress(data).coded_tensors())  # No attempt is to pay for compilation.
    return made


def quality_of(field: Any, video: VolumetricScene) -> float:
    """Mean PSNR over the test views of all frames."""
    values = []
    for index, scene in enumerate(video.frames):
        for view in range(len(scene.test)):
            truth = scene.test.image(view, scene.background).float() / 255
            values.append(psnr(render_image(field.frame(index), scene.test.cameras, view), truth))
    return sum(values) / len(values)


def test_the_decoder_goes_on_from_what_the_encoder_went_on_from(model: VideoModel, files: dict[str, bytes]) -> None:
    decoded = rerf().decompress(files["range"])
    field = model.template
    kept_density = density_of_alpha(0.1, field.shift, 1.0) - empty_density(field)
    previous = None
    for index, frame in enumerate(model.frames):
        if index % 3 == 0:
            previous = None
        coded = encode_frame(frame, previous, 98, kept_density, 0.125)
        previous = decode_frame(coded, previous, 98, field.geometry.resolution)
        assert (coded.moving is None) == (index % 3 == 0)
        for name, tensor in coded.tensors().items():
            assert torch.equal(torch.from_numpy(tensor), decoded.coded_tensors()[f"{index:04d}/{name}"])
        assert torch.equal(decoded._decoded(index).reconstruction.grid, previous.grid)


def test_errors_do_not_add_up_along_a_group(model: VideoModel, video: VolumetricScene) -> None:
    """Each frame's error is that of its own quantization: in an open loop the last would hold those of all."""
    still = model.frames[0]
    motion = torch.zeros(*block_counts(model.template.geometry.resolution), 3)
    frames = [still, *[Frame(still.occupied, still.values, motion)] * 6]
    resolution = model.template.geometry.resolution
    previous, errors = None, []
    for frame in frames:
        coded = encode_frame(frame, previous, 90, 1.0, 0.0)
        previous = decode_frame(coded, previous, 90, resolution)
        errors.append(float((previous.grid - frame.grid())[previous.kept].square().mean()))
    assert max(errors) <= 1.05 * errors[0]


def test_both_coders_decode_to_the_same_tensors(files: dict[str, bytes]) -> None:
    streams = {coder: unpack(data) for coder, data in files.items()}
    assert streams["range"].digest == streams["huffman"].digest
    for coder, data in files.items():
        assert tensor_digest(rerf().decompress(data).coded_tensors()) == streams[coder].digest
    assert len(files["range"]) < len(files["huffman"])


def test_sizes_and_quality_rise_with_q(model: VideoModel, video: VolumetricScene) -> None:
    sizes, values = [], []
    for quality in (50, 85, 96, 99):
        data = rerf(quality=quality).compress(copy.deepcopy(model), video)
        sizes.append(len(data))
        values.append(quality_of(rerf().decompress(data), video))
    assert sizes == sorted(set(sizes))
    assert values == sorted(values)
    trained = [with_grids(model.template, frame.grid(), frame.occupied) for frame in model.frames]

    class Trained:
        def frame(self, index: int) -> VoxelField:
            return trained[index]

    assert values[-1] > quality_of(Trained(), video) - 0.5


def test_frames_are_read_in_any_order_and_only_what_they_need(files: dict[str, bytes]) -> None:
    in_order = [frame.render(RAYS).rgb for frame in frames_of_file(files["range"], [0, 1, 2, 3])]
    backwards = [frame.render(RAYS).rgb for frame in frames_of_file(files["range"], [3, 2, 1, 0])]
    for here, there in zip(in_order, reversed(backwards), strict=True):
        assert torch.equal(here, there)
    reader = BitstreamReader(io.BytesIO(files["range"]))
    opened = rerf().open(reader)
    before = reader.bytes_read
    opened.frame(3)  # A key frame: groups are of three.
    assert reader.bytes_read - before == reader.sizes["frame.0003"]
    opened.frame(1)
    assert reader.bytes_read - before == sum(reader.sizes[f"frame.{index:04d}"] for index in (3, 0, 1))


def frames_of_file(data: bytes, order: list[int]) -> Iterator[Any]:
    decoded = rerf().decompress(data)
    return (decoded.frame(index) for index in order)


def test_grids_and_fields_convert_into_each_other(model: VideoModel) -> None:
    frame = model.frames[1]
    field = with_grids(model.template, frame.grid(), frame.occupied)
    torch.testing.assert_close(grids_of(field), frame.grid(), atol=1e-5, rtol=1e-5)
    empty = with_grids(model.template, torch.zeros_like(frame.grid()), frame.occupied)
    assert float(empty.alpha_of_voxels(field.geometry.interval).max()) == pytest.approx(
        field.thresholds.alpha, rel=1e-3
    )


def blob(offset: float) -> VoxelField:
    """A textured ball that lies `offset` voxels further along x."""
    geometry = VoxelGeometry(Box((0.0, 0.0, 0.0), (31.0, 31.0, 31.0)), 0.96875, 0.96875, 0.9)
    torch.manual_seed(1)
    decoder = ColourMLP(12, 16, 2, 0)
    thresholds = Thresholds(1e-4, 1e-3, 1e-3)
    field = VoxelField(geometry, 12, decoder, Shading.SAMPLE, -6.9, thresholds, (1.0, 1.0, 1.0), 0.0)
    assert geometry.resolution == (32, 32, 32)
    x, y, z = torch.meshgrid(*[torch.arange(32.0)] * 3, indexing="ij")
    x = x - offset
    distance = ((x - 15) ** 2 + (y - 16) ** 2 + (z - 16) ** 2).sqrt()
    field.density.data[..., 0] = (10 * (9 - distance)).clamp(empty_density(field), 12)
    waves = [(0.3 * k * axis).sin() for k in (1, 2, 3, 4) for axis in (x, y, z)]
    field.features.data = 2 * torch.stack(waves, dim=-1)
    field.occupancy = Occupancy.of(distance < 13)
    return field


def photographed(field: VoxelField, video: VolumetricScene) -> Scene:
    """What the video's training cameras see of a field in a box of 31 units, scaled to their scene."""
    cameras = copy.deepcopy(video.frames[0].train.cameras)
    cameras.camera_to_world[:, :3, 3] = cameras.camera_to_world[:, :3, 3] * 15 + 15.5
    images = [render_image(field, cameras, index) for index in range(len(cameras))]

    def read(index: int) -> np.ndarray:
        return torch.cat([images[index], torch.ones_like(images[index][..., :1])], dim=-1).numpy()

    views = Views(cameras, tuple(map(str, range(len(cameras)))), read)
    return Scene("blob", {"train": views, "test": views}, field.box, 0.0, 1e3, (1.0, 1.0, 1.0), "")


def test_the_motion_of_a_shifted_ball_is_found(video: VolumetricScene) -> None:
    torch.manual_seed(0)
    previous, now = blob(0.0), blob(1.5)
    settings = MotionSettings(iterations=200, rays=1024, learning_rate=0.2, deviation=0.0, variation=1e-3)
    motion = find_motion(previous, photographed(now, video), now.occupancy.mask > 0, settings)
    # At the ball's surface, between the centres of the blocks: what is here now was 1.5 voxels before along x.
    distance = (now.occupancy.mask.nonzero() - torch.tensor([16.5, 16.0, 16.0])).norm(dim=1)
    surface = now.occupancy.mask.nonzero()[(distance - 9).abs() < 0.5]
    found = interpolate_trilinear(motion, (surface - 3.5) / 8)
    assert found[:, 0].mean() == pytest.approx(-1.5, abs=0.1)
    assert found[:, 1:].abs().mean() < 0.1
    before = (previous.density.detach() - now.density.detach()).abs().mean()
    moved = warped(previous.density.detach(), motion, torch.ones(32, 32, 32, dtype=torch.bool))
    after = (moved - now.density.detach()).abs().mean()
    assert after < 0.2 * before


def test_what_is_found_depends_on_nothing_but_the_hull(video: VolumetricScene) -> None:
    """Without iterations nothing moves, and the residual starts from the frame before."""
    scene = video.frames[1]
    field = empty_like(blob(0.0))
    still = find_motion(field, scene, torch.ones(32, 32, 32, dtype=torch.bool), MotionSettings(0, 1, 0.1, 0.0, 0.0))
    assert not still.any()


def test_the_hull_holds_all_that_is_dense(model: VideoModel, video: VolumetricScene) -> None:
    for index, frame in enumerate(model.frames):
        geometry = model.template.geometry
        hull = hull_of(video.frames[index], geometry.box, geometry.resolution, HULL, index)
        assert bool(hull.any())
        assert not bool((frame.occupied & ~hull).any())


def test_a_small_file_that_promises_a_large_grid(files: dict[str, bytes]) -> None:
    stream = unpack(files["range"])
    header = copy.deepcopy(stream.header)
    size = 210
    header["field"] |= {"box": [0.0] * 3 + [float(size)] * 3, "resolution": [size] * 3}
    header["field"] |= {"voxel_size": 1.0, "final_voxel_size": 1.0, "step_ratio": 1.0}
    data = pack("rerf", header, stream.sections, stream.digest)
    with within_limits(MEMORY_LIMIT, seconds=4.0), pytest.raises(BitstreamError):
        tensor_digest(rerf().decompress(data).coded_tensors())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quality": 100}, "method.quality"),
        ({"group_size": 0}, "method.group_size"),
        ({"kept_alpha": 1.0}, "method.kept_alpha"),
        ({"coder": "zip"}, "method.coder"),
        ({"motion_step": -1.0}, "method.motion_step"),
    ],
)
def test_impossible_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rerf(**changes)
