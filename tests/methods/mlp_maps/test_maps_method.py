"""Files of MLP maps: what they hold, what a frame reads, and what is refused."""

import io
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from test_contract import TINY, TINY_VIDEO

from methods.mlp_maps.coding import FrameSide, encode_frame_as_published
from methods.mlp_maps.colour_maps import ColourNetwork, Lookup, ViewEncoding
from methods.mlp_maps.decoder import DecoderSizes
from methods.mlp_maps.field import PLANES, Shading
from methods.mlp_maps.header import Description, describe, parse
from methods.mlp_maps.model import Layout
from methods.mlp_maps.packing import DECODER, TABLES, SharedSections
from nerfzip.bitstream import BitstreamReader, frame_section, pack, tensor_digest, unpack
from nerfzip.config import build, job_configs
from nerfzip.data.scene import Views
from nerfzip.errors import BitstreamError, CaptureError, ConfigError
from nerfzip.geometry import Box, Rays
from nerfzip.kernels.hash_levels import HashLevels

RAYS = Rays(torch.tensor([[4.0, 0.3, 0.2]]), torch.tensor([[-1.0, 0.0, 0.0]]))


def method(*words: str) -> Any:
    (config,) = job_configs(["method=mlp_maps", *TINY_VIDEO, *TINY["mlp_maps"], *words])
    return build(config.method_settings)


@cache
def video_and_model() -> tuple[Any, Any]:
    (config,) = job_configs(["method=mlp_maps", *TINY_VIDEO])
    video = build(config.dataset_settings)
    torch.manual_seed(0)
    return video, method().fit(video)


@cache
def encoded(*words: str) -> bytes:
    video, model = video_and_model()
    torch.manual_seed(1)
    return method(*words).compress(model, video)


def test_the_same_seed_gives_the_same_file() -> None:
    video, model = video_and_model()
    torch.manual_seed(1)
    assert method().compress(model, video) == encoded()


def test_a_frame_reads_what_is_shared_once_then_its_key_frame_and_itself() -> None:
    reader = BitstreamReader(io.BytesIO(encoded()))
    video = method().open(reader)
    before = reader.bytes_read
    assert before >= reader.sizes[TABLES] + reader.sizes[DECODER]
    video.frame(2)  # In groups of two frames it is a key frame.
    assert reader.bytes_read - before == reader.sizes[frame_section(2)]
    video.frame(1)
    assert reader.bytes_read - before == sum(reader.sizes[frame_section(index)] for index in range(3))


def test_published_files_are_the_parameters_as_they_are() -> None:
    _, model = video_and_model()
    stream = unpack(encoded("method.coder=paper"))
    sizes = {name: len(data) for name, data in stream.sections.items()}
    tables = sum(4 * values.numel() for name, values in model.state.items() if name.startswith("tables"))
    latents = model.state["latents"]
    decoder = sum(4 * values.numel() for values in model.state.values()) - tables - 4 * latents.numel()
    assert (sizes["tables"], sizes["decoder"]) == (tables, decoder)
    assert sizes[frame_section(0)] == 24 + 4 * latents.shape[1] + model.masks[0].numel()
    video = method().decompress(encoded("method.coder=paper"))
    ours = model.model().requires_grad_(False)
    assert stream.header["video"]["gof"] == 1
    for index in range(len(video)):
        decoded = video.frame(index)
        planes = ours.decoder(ours.latents[index])
        for found, expected in zip(decoded.planes.colours, planes.colours, strict=True):
            assert torch.equal(found, expected)
        assert torch.equal(decoded.occupancy.mask > 0, model.masks[index])


@pytest.mark.parametrize("name", ["mlp_maps/published", "mlp_maps/published_nhr"])
def test_the_papers_sizes_follow_from_the_shapes(name: str) -> None:
    (config,) = job_configs([f"method={name}", *TINY_VIDEO])
    base = build(config.method_settings).base
    video, box = video_and_model()[0], Box((0.0, 0.0, 0.0), (1.0, 1.0, 2.0))
    layout = replace(base._layout(video, box), frames=300)
    shared = SharedSections(layout)
    mebibytes = {
        section: 4 * sum(shared.shapes[name].numel() for name in names) / 2**20
        for section, names in shared.names.items()
    }
    # The paper: 131 MB of hash tables, 103 MB of decoder (the mean of both kinds of view), in MiB; sheet §3.
    assert round(mebibytes[TABLES], 1) == 130.7
    assert round(mebibytes[DECODER], 1) == (105.5 if layout.shading.view is ViewEncoding.FREQUENCIES else 100.4)
    side = FrameSide(box, torch.zeros(base.occupancy.resolution, dtype=torch.bool), torch.zeros(layout.decoder.latent))
    boxless = 300 * (len(encode_frame_as_published(side)) - 24)
    assert boxless == 307_200 + 300 * 24 * 24 * 48
    parsed = parse(describe(Description(layout, base.occupancy.resolution, box)), 300)
    assert parsed.layout.levels == layout.levels
    assert base.schedule.iterations * base.schedule.frames in (200_000 * 16, 175_000 * 8)


def test_ranks_of_the_published_rates_are_in_order() -> None:
    configs = job_configs(["method=mlp_maps/published", "rate=tiny,low,medium,high", *TINY_VIDEO])
    ranks = [config.method_settings["colour_rank"] for config in configs]
    assert ranks == sorted(set(ranks))


@pytest.mark.parametrize("halvings", [4, 8])
def test_a_file_holds_the_papers_coarse_colour_maps(halvings: int) -> None:
    channels = ",".join(str(width) for width in [64, 128, 128, 256, 512, 512, 1024, 1024][:halvings])
    (config,) = job_configs(
        ["method=mlp_maps/published", *TINY_VIDEO, f"method.base.decoder.colour_channels=[{channels}]"]
    )
    base = build(config.method_settings).base
    video, box = video_and_model()[0], Box((0.0, 0.0, 0.0), (1.0, 1.0, 2.0))
    layout = replace(base._layout(video, box), frames=300)
    describe(Description(layout, base.occupancy.resolution, box))


def test_a_small_file_of_a_huge_frame_is_refused() -> None:
    network = ColourNetwork(8, 2048, 9)
    shading = Shading(network, Lookup.BLEND, ViewEncoding.HARMONICS, PLANES[:1], 64, 1e-3, 1.0)
    decoder = DecoderSizes(1, (1,) * 7, 8, (), (), 1)
    layout = Layout(1, HashLevels(4, 4, 24, 1024), decoder, shading, 0, 4, (0.0, 0.0, 0.0), 0.1)
    with pytest.raises(ConfigError, match="values a frame, the limit is"):
        describe(Description(layout, (12, 12, 12), Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))))


def test_a_dearer_rate_is_a_smaller_file() -> None:
    sizes = [len(encoded(f"method.rate.weight={weight}")) for weight in (0.0, 0.1)]
    assert sizes[1] < 0.95 * sizes[0]
    finer = [len(encoded(f"method.fineness.tables={steps}")) for steps in (1.0, 4.0)]
    assert finer[1] > 1.2 * finer[0]


def test_without_ranks_colour_maps_keep_their_layers() -> None:
    video = method().decompress(encoded("method.colour_rank=0"))
    assert len(video._codec.model.decoder.colours) == 3
    assert tensor_digest(video.coded_tensors()) == unpack(encoded("method.colour_rank=0")).digest


@pytest.mark.parametrize("side", [0.0, -1.0, float("nan"), float("inf")])
def test_an_empty_or_impossible_box_is_refused(side: float) -> None:
    stream = unpack(encoded("method.coder=paper"))
    payload = bytearray(stream.sections[frame_section(0)])
    corners = torch.tensor([0.0, 0.0, 0.0, 1.0, side, 1.0]).numpy().tobytes()
    payload[:24] = corners
    sections = {**stream.sections, frame_section(0): bytes(payload)}
    video = method().decompress(pack(stream.method, stream.header, sections, stream.digest))
    with pytest.raises(BitstreamError, match="a box from"):
        video.frame(0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("levels", [12, 8, 256, 1 << 26]),
        ("levels", [4, 8, 4, 1024]),
        ("levels", [5, 4, 24, 1024]),
        ("channels", [4096] * 12),
        ("channels", []),
        ("colour_channels", [8] * 9),
        ("hidden", [0]),
        ("map_axes", [[0, 3]]),
        ("occupancy", [12, 12, 100_000]),
        ("lookup", "guess"),
        ("shared", [64, 0]),
        ("box", [0, 0, 0, 1, 0, 1]),
    ],
)
def test_hostile_descriptions_are_refused(key: str, value: Any) -> None:
    stream = unpack(encoded())
    header = {**stream.header, "field": {**stream.header["field"], key: value}}
    with pytest.raises(BitstreamError):
        method().decompress(pack(stream.method, header, stream.sections, stream.digest))


@pytest.mark.parametrize(
    "word",
    [
        "method.coder=zip",
        "method.group=0",
        "method.colour_rank=-1",
        "method.fineness.tables=0",
        "method.rate.weight=-1",
        "method.rate.count_every=0",
        "method.rate.rounded=2",
        "method.base.lookup=near",
        "method.base.rendering.steps=0",
        "method.base.hidden=0",
        "method.base.hull_resolution=0",
        "method.base.band=-1",
        "method.base.shared.layers=0",
        "method.base.schedule.decay=-1",
        "method.base.schedule.networks=-1",
        "method.base.occupancy.resolution=[12,12]",
    ],
)
def test_impossible_settings_are_refused(word: str) -> None:
    with pytest.raises(ConfigError):
        method(word)


def test_what_no_file_can_hold_is_not_trained() -> None:
    video, _ = video_and_model()
    with pytest.raises(ConfigError, match="a file can't hold this model"):
        method("method.base.decoder.colour_channels=[8,8,8,8,8,8]").fit(video)


def test_masks_that_are_empty_in_a_frame_are_named() -> None:
    video, _ = video_and_model()
    frame = video.frames[1]
    train = frame.train
    nothing = Views(train.cameras, train.names, lambda index: 0 * train.read_rgba(index))
    empty = replace(frame, splits={**frame.splits, "train": nothing})
    frames = [video.frames[0], empty, video.frames[2]]
    with pytest.raises(CaptureError, match="frame 1: the masks of all 8 cameras are empty"):
        method().fit(replace(video, frames=frames))


@pytest.mark.parametrize("side", [0.0, -1.0, float("nan")])
def test_degenerate_boxes_of_frames_are_refused(side: float) -> None:
    video, _ = video_and_model()
    boxes = (video.box, Box((0.0, 0.0, 0.0), (1.0, side, 1.0)), video.box)
    with pytest.raises(CaptureError, match="frame 1: a box from"):
        method().fit(replace(video, frame_boxes=boxes))
