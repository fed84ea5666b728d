"""Damaged and hostile files of volumetric video: the same digest, or a refusal, within bounded time and memory."""

import io
import random
from typing import Any

import pytest
import torch
from damage import MUTATIONS, hostile_headers, spoiled_headers
from decode_limits import within_limits
from test_contract import TINY, TINY_VIDEO

from nerfzip.bitstream import BitstreamReader, frame_section, pack, tensor_digest, unpack
from nerfzip.config import build, job_configs
from nerfzip.errors import BitstreamError
from nerfzip.geometry import Rays

MEMORY_LIMIT = 1 << 28
SECONDS = 8.0
"""Of all processors, for the three frames."""
RAYS = Rays(torch.tensor([[4.0, 0.3, 0.2]]), torch.tensor([[-1.0, 0.0, 0.0]]))
CODERS = {
    "rerf": ["range", "huffman"],
    "jointrf": ["context", "paper", "float32"],
    "mlp_maps": ["context", "paper"],
}
NAMES = [f"{method} {coder}" for method, coders in CODERS.items() for coder in coders]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, Any]]:
    """Of each method and coder a file of three frames in groups of two, and the method that reads it."""
    made = {}
    cache = f"dataset.cache={tmp_path_factory.mktemp('views')}"
    for name, coders in CODERS.items():
        model = None
        for coder in coders:
            (config,) = job_configs([f"method={name}", *TINY_VIDEO, cache, *TINY[name], f"method.coder={coder}"])
            method, video = build(config.method_settings), build(config.dataset_settings)
            torch.manual_seed(0)
            model = model or method.fit(video)
            data = method.compress(model, video)
            made[f"{name} {coder}"] = (data, method)
            refused(data, method)  # No attempt is to pay for the compilation of kernels.
    return made


def refused(data: bytes, method: Any, digest: bytes | None = None) -> bool:
    """Whether the file was; where it was not, all frames can be rendered.

    `nerfzip decode` and the benchmark compare the digest of all frames, which counts as a refusal.
    """
    with within_limits(MEMORY_LIMIT, SECONDS):
        try:
            video = method.decompress(data)
            found = tensor_digest(video.coded_tensors())
            for index in range(len(video)):
                video.frame(index).render(RAYS)
        except BitstreamError as error:
            assert str(error)
            return True
    return found != (digest or unpack(data).digest)


@pytest.mark.parametrize("name", NAMES)
def test_random_damage(files: dict[str, tuple[bytes, Any]], name: str) -> None:
    original, method = files[name]
    digest = unpack(original).digest
    assert not refused(original, method, digest)
    changed = 0
    for seed in range(400):
        data = bytearray(original)
        MUTATIONS[seed % len(MUTATIONS)](data, random.Random(seed))
        if data != original:
            changed += 1
            assert refused(bytes(data), method, digest)
    assert changed > 360


@pytest.mark.parametrize("name", NAMES)
def test_damage_under_right_checksums(files: dict[str, tuple[bytes, Any]], name: str) -> None:
    """A few bits mean nothing, such as those that fill up the last byte of what deflate left as it was."""
    original, method = files[name]
    stream = unpack(original)
    attempts = refusals = 0
    for seed in range(40):
        chance = random.Random(seed)
        sections = dict(stream.sections)
        section = chance.choice(list(sections))
        payload = bytearray(sections[section])
        MUTATIONS[seed % len(MUTATIONS)](payload, chance)
        if payload == sections[section]:
            continue
        sections[section] = bytes(payload)
        attempts += 1
        refusals += refused(pack(stream.method, stream.header, sections, stream.digest), method)
    assert refusals > 0.9 * attempts > 30


@pytest.mark.parametrize("name", NAMES)
def test_hostile_headers(files: dict[str, tuple[bytes, Any]], name: str) -> None:
    """Each value in turn becomes something weird, or is left out. What is left out is always missed."""
    original, method = files[name]
    stream = unpack(original)
    for header, left_out in spoiled_headers(stream.header, values=1):
        found = refused(pack(stream.method, header, stream.sections, stream.digest), method)
        assert found or not left_out


@pytest.mark.parametrize("name", NAMES)
def test_several_hostile_fields_at_once(files: dict[str, tuple[bytes, Any]], name: str) -> None:
    original, method = files[name]
    stream = unpack(original)
    refusals = sum(
        refused(pack(stream.method, header, stream.sections, stream.digest), method)
        for header in hostile_headers(stream.header, 60)
    )
    assert refusals > 40


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mlp_maps paper"])
def test_a_lost_key_frame_is_named_and_the_next_group_plays(files: dict[str, tuple[bytes, Any]], name: str) -> None:
    original, method = files[name]
    stream = unpack(original)
    sections = {key: payload for key, payload in stream.sections.items() if key != frame_section(0)}
    video = method.decompress(pack(stream.method, stream.header, sections, stream.digest))
    for index in (0, 1):
        with pytest.raises(BitstreamError, match="frames 0 to 1 can't be decoded: their key frame 0 is lost"):
            video.frame(index)
    assert torch.equal(video.frame(2).render(RAYS).rgb, method.decompress(original).frame(2).render(RAYS).rgb)


def test_no_frame_of_published_mlp_maps_depends_on_another(files: dict[str, tuple[bytes, Any]]) -> None:
    original, method = files["mlp_maps paper"]
    stream = unpack(original)
    sections = {key: payload for key, payload in stream.sections.items() if key != frame_section(0)}
    video = method.decompress(pack(stream.method, stream.header, sections, stream.digest))
    whole = method.decompress(original)
    with pytest.raises(BitstreamError, match="frame 0: "):
        video.frame(0)
    for index in (1, 2):
        assert torch.equal(video.frame(index).render(RAYS).rgb, whole.frame(index).render(RAYS).rgb)


@pytest.mark.parametrize("name", NAMES)
def test_another_lost_frame_costs_only_itself(files: dict[str, tuple[bytes, Any]], name: str) -> None:
    original, method = files[name]
    stream = unpack(original)
    sections = {key: payload for key, payload in stream.sections.items() if key != frame_section(1)}
    video = method.decompress(pack(stream.method, stream.header, sections, stream.digest))
    others_than_frame_1_play(video, method.decompress(original))


def others_than_frame_1_play(video: Any, whole: Any) -> None:
    with pytest.raises(BitstreamError, match="frame 1: "):
        video.frame(1)
    for index in (0, 2):
        assert torch.equal(video.frame(index).render(RAYS).rgb, whole.frame(index).render(RAYS).rgb)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_left_of_a_damaged_file_plays(files: dict[str, tuple[bytes, Any]], name: str) -> None:
    original, method = files[name]
    damaged = bytearray(original)
    at = original.index(frame_section(1).encode()) + 40
    damaged[at] ^= 0xFF
    video = method.open(BitstreamReader(io.BytesIO(bytes(damaged)), recover=True))
    others_than_frame_1_play(video, method.decompress(original))
