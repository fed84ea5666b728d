"""Files of MLP maps: what they hold, what a frame reads, and what is refused."""

import io
from functools import cache
from typing import Any

import pytest
import torch
from test_contract import TINY, TINY_VIDEO

from methods.mlp_maps.colour_maps import ColourNetwork, Lookup, ViewEncoding
from methods.mlp_maps.decoder import DecoderSizes
from methods.mlp_maps.field import PLANES, Shading
from methods.mlp_maps.header import Description, describe, parse
from methods.mlp_maps.model import Layout
from methods.mlp_maps.packing import DECODER, TABLES, SharedSections
from nerfzip.bitstream import BitstreamReader, frame_section, pack, tensor_digest, unpack
from nerfzip.config import build, job_configs
from nerfzip.errors import BitstreamError, ConfigError
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
    assert sizes[frame_section(0)] == 2 + 24 + 4 * latents.shape[1] + model.masks[0].numel()
    video = method().decompress(encoded("method.coder=paper"))
    ours = model.model().requires_grad_(False)
    for index in range(len(video)):
        decoded = video.frame(index)
        planes = ours.decoder(ours.latents[index])
        for found, expected in zip(decoded.planes.colours, planes.colours, strict=True):
            assert torch.equal(found, expected)
        assert torch.equal(decoded.occupancy.mask > 0, model.masks[index])


def test_the_papers_sizes_follow_from_the_shapes() -> None:
    sizes = DecoderSizes(256, (256, 256, 128, 128, 64, 64, 64), 32, (), (64, 128, 128, 256))
    network = ColourNetwork(32, 32, ViewEncoding.FREQUENCIES.channels)
    shading = Shading(network, Lookup.BLEND, ViewEncoding.FREQUENCIES, PLANES, 256, 1e-3, 1.0)
    layout = Layout(300, HashLevels(), sizes, shading, 0, 8, (0.0, 0.0, 0.0), 0.1)
    shared = SharedSections(layout)
    mebibytes = {
        section: 4 * sum(shared.shapes[name].numel() for name in names) / 2**20
        for section, names in shared.names.items()
    }
    # Table 2 of the paper: 131 MB of hash tables, 103 MB of decoder (the mean of both kinds of view), in MiB.
    assert round(mebibytes[TABLES]) == 131
    assert mebibytes[DECODER] == pytest.approx(103, abs=3)
    frames, voxels = 300, 24 * 24 * 48
    assert 4 * 256 * frames == 307_200
    assert voxels * frames / 1e6 == pytest.approx(8.3, abs=0.01)
    parsed = parse(describe(Description(layout, (24, 24, 48), Box((0.0, 0.0, 0.0), (1.0, 1.0, 2.0)))), frames)
    assert parsed.layout == layout


def test_a_dearer_rate_is_a_smaller_file() -> None:
    sizes = [len(encoded(f"method.rate.weight={weight}")) for weight in (0.0, 1e-2, 1.0)]
    assert sizes == sorted(sizes, reverse=True)
    finer = [len(encoded(f"method.fineness.tables={steps}")) for steps in (1.0, 4.0, 16.0)]
    assert finer == sorted(finer)


def test_without_ranks_colour_maps_keep_their_layers() -> None:
    video = method().decompress(encoded("method.colour_rank=0"))
    assert len(video._codec.model.decoder.colours) == 3
    assert tensor_digest(video.coded_tensors()) == unpack(encoded("method.colour_rank=0")).digest


@pytest.mark.parametrize("change", ["swap", "beyond"])
def test_a_frame_says_which_it_is(change: str) -> None:
    stream = unpack(encoded())
    sections = dict(stream.sections)
    if change == "beyond":
        sections[frame_section(1)] = (3).to_bytes(2, "little") + sections[frame_section(1)][2:]
    else:
        sections[frame_section(0)], sections[frame_section(2)] = sections[frame_section(2)], sections[frame_section(0)]
    video = method().decompress(pack(stream.method, stream.header, sections, stream.digest))
    if change == "beyond":
        with pytest.raises(BitstreamError, match="frame 3 of a video of 3"):
            video.frame(1)
    assert tensor_digest_or_none(video) != stream.digest


def tensor_digest_or_none(video: Any) -> bytes | None:
    try:
        return tensor_digest(video.coded_tensors())
    except BitstreamError:
        return None


@pytest.mark.parametrize("side", [0.0, -1.0, float("nan"), float("inf")])
def test_an_empty_or_impossible_box_is_refused(side: float) -> None:
    stream = unpack(encoded("method.coder=paper"))
    payload = bytearray(stream.sections[frame_section(0)])
    corners = torch.tensor([0.0, 0.0, 0.0, 1.0, side, 1.0]).numpy().tobytes()
    payload[2:26] = corners
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
        "method.base.lookup=near",
    ],
)
def test_impossible_settings_are_refused(word: str) -> None:
    with pytest.raises(ConfigError):
        method(word)
