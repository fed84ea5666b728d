"""Random access, dependence on key frames, and loss in volumetric videos, on the tiny method."""

import io
import random
from typing import Any

import numpy as np
import pytest
from decode_limits import within_limits
from tiny_video import TinyVideo, sections, states, tensors, video_file

from nerfzip.bitstream import (
    BitstreamReader,
    BitstreamWriter,
    GroupsOfFrames,
    VolumetricVideo,
    frame_section,
    tensor_digest,
)
from nerfzip.errors import BitstreamError
from nerfzip.method import VolumetricField


def opened(data: bytes, **how: bool) -> tuple[BitstreamReader, VolumetricVideo[Any]]:
    reader = BitstreamReader(io.BytesIO(data), **how)
    return reader, TinyVideo().open(reader)


def outcome(video: VolumetricVideo[Any], index: int) -> str:
    """The error of a frame, or "right"."""
    try:
        frame = video.frame(index)
    except BitstreamError as error:
        return str(error)
    assert frame.state.tolist() == states(len(video))[index].tolist()
    return "right"


def damaged(data: bytes, *indices: int) -> bytes:
    changed = bytearray(data)
    for index in indices:
        changed[data.index(frame_section(index).encode()) + 20] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("prediction", ["key", "previous"])
@pytest.mark.parametrize(("frames", "gof"), [(1, 1), (20, 5), (7, 3), (3, 10), (4, 1)])
def test_frames_in_any_order(prediction: Any, frames: int, gof: int) -> None:
    reader, video = opened(video_file(frames, gof, prediction))
    assert isinstance(video, VolumetricField)
    assert len(video) == frames
    order = [*range(frames), *random.Random(0).choices(range(frames), k=40)]
    assert {outcome(video, index) for index in order} == {"right"}
    assert tensor_digest(video.coded_tensors()) == reader.digest == tensor_digest(tensors(frames))
    for index in (-1, frames):
        with pytest.raises(IndexError):
            video.frame(index)


def test_a_frame_reads_its_own_section_and_its_key_frames() -> None:
    reader, video = opened(video_file(20, 5))
    before = reader.bytes_read
    video.frame(7)
    assert reader.bytes_read - before == 12 + 12
    video.frame(8)  # the key frame is at hand
    assert reader.bytes_read - before == 12 + 12 + 12
    video.frame(8)
    assert reader.bytes_read - before == 12 + 12 + 12
    video.frame(10)
    assert reader.bytes_read - before == 12 + 12 + 12 + 12


def test_a_frame_of_a_chain_reads_what_lies_between() -> None:
    reader, video = opened(video_file(20, 5, "previous"))
    before = reader.bytes_read
    video.frame(8)
    assert reader.bytes_read - before == 4 * 12
    video.frame(9)
    assert reader.bytes_read - before == 5 * 12


@pytest.mark.parametrize("prediction", ["key", "previous"])
def test_tensors_in_sorted_order_are_decoded_once(prediction: Any) -> None:
    _, video = opened(video_file(20, 5, prediction))
    coded = video.coded_tensors()
    assert list(coded) == sorted(coded)
    assert len(coded) == 41
    assert video._codec.decoded == 0  # the names are known before
    expected = tensors(20)
    for name in sorted(coded):
        assert np.array_equal(coded[name].numpy(), expected[name]), name
    assert video._codec.decoded == 20
    with pytest.raises(KeyError):
        coded["0020/centre"]


@pytest.mark.parametrize("how", ["strict", "recover"])
def test_a_lost_frame_costs_itself(how: str) -> None:
    _, video = opened(damaged(video_file(), 7), recover=how == "recover")
    outcomes = [outcome(video, index) for index in range(20)]
    assert outcomes[:7] + outcomes[8:] == ["right"] * 19
    if how == "recover":
        assert outcomes[7] == "frame 7: lost"
    else:
        assert outcomes[7].startswith("frame 7: section 'frame.0007' at byte")


def test_a_lost_key_frame_is_named_with_what_depends_on_it() -> None:
    _, video = opened(damaged(video_file(20, 5), 10), recover=True)
    words = "frames 10 to 14 can't be decoded: their key frame 10 is lost or damaged (lost)"
    for index in random.Random(1).sample(range(20), 20):
        assert outcome(video, index) == (words if 10 <= index < 15 else "right")
    with pytest.raises(BitstreamError, match="frames 10 to 14"):
        tensor_digest(video.coded_tensors())


def test_a_lost_frame_of_a_chain_is_named_with_what_follows_it() -> None:
    _, video = opened(damaged(video_file(20, 5, "previous"), 12), recover=True)
    words = "frames 12 to 14 can't be decoded: frame 12, on which they depend, is lost or damaged (lost)"
    for index in random.Random(1).sample(range(20), 20):
        assert outcome(video, index) == (words if 12 <= index < 15 else "right")


def test_a_section_that_no_encoder_writes_is_named_like_a_damaged_one() -> None:
    groups = GroupsOfFrames(6, 3)
    file = io.BytesIO()
    writer = BitstreamWriter(file, "tiny_video", {"video": groups.to_header()})
    for name, payload in sections(groups).items():
        writer.write(name, payload[:-1] if name in ("frame.0001", "frame.0003") else payload)
    writer.close(bytes(16))
    _, video = opened(file.getvalue())
    bad_key = "frames 3 to 5 can't be decoded: their key frame 3 is lost or damaged (11 bytes, expected 12)"
    assert [outcome(video, index) for index in range(6)] == [
        "right",
        "frame 1: 11 bytes, expected 12",
        "right",
        bad_key,
        bad_key,
        bad_key,
    ]


def test_without_what_all_frames_share_there_is_no_video() -> None:
    data = bytearray(video_file())
    data[data.index(b"shared") + 10] ^= 1
    with pytest.raises(BitstreamError, match=r"^section 'shared': lost$"):
        opened(bytes(data), recover=True)


def test_a_video_that_grows_is_played_as_it_comes() -> None:
    groups = GroupsOfFrames(6, 3)
    file = io.BytesIO()
    writer = BitstreamWriter(file, "tiny_video", {"video": groups.to_header()})
    payloads = sections(groups)
    writer.write("shared", payloads.pop("shared"))
    reader = BitstreamReader(file, growing=True)
    video = TinyVideo().open(reader)
    for count, (name, payload) in enumerate(payloads.items()):
        expected = ["right" if index < count else f"frame {index}: not there yet" for index in range(6)]
        assert [outcome(video, index) for index in range(6)] == expected
        file.seek(0, 2)
        writer.write(name, payload)
        assert reader.refresh() == [name]
    file.seek(0, 2)
    writer.close(tensor_digest(tensors(6)))
    reader.refresh()
    assert [outcome(video, index) for index in range(6)] == ["right"] * 6
    assert reader.digest == tensor_digest(video.coded_tensors())


@pytest.mark.parametrize(
    ("video", "word"),
    [
        (None, "None"),
        ([], "expected an object"),
        ({"frames": 3, "gof": 1}, "expected an object"),
        ({"frames": 0, "gof": 1, "prediction": "key"}, "video.frames: 0"),
        ({"frames": 10_001, "gof": 1, "prediction": "key"}, "video.frames: 10001"),
        ({"frames": 3, "gof": True, "prediction": "key"}, "video.gof: True"),
        ({"frames": 3, "gof": 1.0, "prediction": "key"}, "video.gof: 1.0"),
        ({"frames": 3, "gof": 1, "prediction": "next"}, "video.prediction: 'next'"),
        ({"frames": 3, "gof": 1, "prediction": ["key"]}, "video.prediction"),
    ],
)
def test_an_impossible_video_is_refused(video: Any, word: str) -> None:
    with pytest.raises(BitstreamError, match=word):
        GroupsOfFrames.from_header({"video": video})


SMALL = video_file(12, 4)


@pytest.mark.parametrize("seed", range(10))
def test_mutated_videos_decode_to_the_same_or_are_refused(seed: int) -> None:
    """100 of each seed. Recovered, each frame is right or named."""
    chance = random.Random(seed)
    refused = played = 0
    for _ in range(100):
        data = bytearray(SMALL)
        for _ in range(chance.choice([1, 1, 2, 10])):
            mutate(data, chance)
        with within_limits():
            try:
                reader, video = opened(bytes(data))
                assert tensor_digest(video.coded_tensors()) == reader.digest == tensor_digest(tensors(12))
            except BitstreamError:
                refused += 1
            try:
                _, video = opened(bytes(data), recover=True)
            except BitstreamError:
                continue
            outcomes = [outcome(video, index) for index in range(12)]
            played += outcomes.count("right")
            assert all(words == "right" or words.startswith("frame") for words in outcomes)
    assert refused > 80
    assert played > 300


def mutate(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    kind = chance.randrange(4)
    if kind == 0:
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del data[at : at + chance.choice([1, 4, 30, 300])]
        data += b"" if data else b"\0"
    elif kind == 2:
        data[at:at] = chance.randbytes(chance.choice([1, 4, 30]))
    else:
        start = chance.randrange(len(data))
        data[at:at] = data[start : start + chance.randint(1, 200)]
