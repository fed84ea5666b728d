"""Volumetric videos in a `.nrz` file: a section for each frame, of which a frame reads only those that it needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar, get_args

import numpy as np
from torch import Tensor

from nerfzip.bitstream.digest import TensorDigest
from nerfzip.bitstream.reader import BitstreamReader
from nerfzip.errors import BitstreamError
from nerfzip.fields.field import Renderable
from nerfzip.geometry import Box

MAX_FRAMES = 10_000
"""So that four digits name a frame, and sorted names are in the order of time."""

Prediction = Literal["key", "previous"]
Frame = TypeVar("Frame")


@dataclass(frozen=True)
class GroupsOfFrames:
    """Which frames a frame is decoded from.

    A video is cut into groups of frames (GOFs). The first frame of a group is its key frame, which depends on no other.

    Attributes:
        frames: of the whole video.
        length: frames in a group; the last group may be shorter.
        prediction: "key": the other frames depend on the key frame alone; "previous": each depends on the key frame and
            on the frame before it, so on all of its group before it.
    """

    frames: int
    length: int
    prediction: Prediction = "key"

    def to_header(self) -> dict[str, Any]:
        """Plain JSON, for the key "video" of a file's header."""
        return {"frames": self.frames, "gof": self.length, "prediction": self.prediction}

    @staticmethod
    def from_header(header: dict[str, Any]) -> "GroupsOfFrames":
        """What "video" in the header of a file says.

        Raises:
            BitstreamError: it is missing, or not what `to_header` gives of a possible video.
        """
        described = header.get("video")
        if not (isinstance(described, dict) and described.keys() == {"frames", "gof", "prediction"}):
            raise BitstreamError(f"header: video: {described!r}, expected an object of frames, gof and prediction")
        for key in ("frames", "gof"):
            if type(described[key]) is not int or not 1 <= described[key] <= MAX_FRAMES:
                raise BitstreamError(
                    f"header: video.{key}: {described[key]!r}, expected an integer from 1 to {MAX_FRAMES}"
                )
        if described["prediction"] not in get_args(Prediction):
            raise BitstreamError(f"header: video.prediction: {described['prediction']!r}, expected 'key' or 'previous'")
        return GroupsOfFrames(described["frames"], described["gof"], described["prediction"])

    def key(self, index: int) -> int:
        """The key frame of a frame."""
        return index - index % self.length

    def group(self, index: int) -> range:
        """The frames of a frame's group."""
        return range(self.key(index), min(self.key(index) + self.length, self.frames))

    def dependents(self, index: int) -> range:
        """The frames, itself the first, that can't be decoded without this one."""
        alone = self.prediction == "key" and index != self.key(index)
        return range(index, index + 1 if alone else self.group(index).stop)


class FrameCodec(Protocol[Frame]):
    """What a method of video knows about its frames. `Frame` is whatever it makes of one, and predicts others from."""

    def decode(self, payload: bytes, key: Frame | None, previous: Frame | None) -> Frame:
        """A frame from its section, its key frame (None for a key frame), and the frame before if it depends on it.

        Raises:
            BitstreamError: the payload is not what the encoder writes.
        """
        ...

    def tensor_names(self, is_key: bool) -> Sequence[str]:
        """The names in `coded_tensors` of a frame, which are known before it is decoded."""
        ...

    def coded_tensors(self, frame: Frame) -> Mapping[str, Tensor]:
        """The tensors that the section of the frame codes (see `nerfzip.fields.field.Field`)."""
        ...

    def renderable(self, frame: Frame, index: int) -> Renderable:
        """What can be seen at the time of the frame, which is this one of the video."""
        ...


class VolumetricVideo(Generic[Frame]):
    """A `VolumetricField` over a file: `frame(i)` reads the sections of frame i and of those it depends on, no others.

    The key frame and the frame that were decoded last are kept, so that frames in the order of time are decoded once.

    Args:
        reader: open as long as the video is used; of a file that is complete, growing or damaged.
        shared: coded tensors of what belongs to all frames, which the method has read already.
        box: around what is to be seen, world units.
    """

    def __init__(
        self,
        reader: BitstreamReader,
        groups: GroupsOfFrames,
        codec: FrameCodec[Frame],
        shared: Mapping[str, Tensor],
        box: Box,
    ) -> None:
        self.groups = groups
        self.box = box
        self._reader = reader
        self._codec = codec
        self._shared = shared
        self._key: tuple[int, Frame] | None = None
        self._last: tuple[int, Frame] | None = None

    def __len__(self) -> int:
        return self.groups.frames

    def frame(self, index: int) -> Renderable:
        """One frame.

        Raises:
            BitstreamError: it, or a frame that it depends on, is lost, damaged or not there yet; the message says which
                frames can't be decoded, and why.
        """
        return self._codec.renderable(self._decoded(index), index)

    def coded_tensors(self) -> Mapping[str, Tensor]:
        """The tensors "0007/NAME" of each frame, and "shared/NAME"; in sorted order each frame is decoded once."""
        return _CodedTensors(self)

    def _decoded(self, index: int) -> Frame:
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of a video of {len(self)}")
        if self._is_awaited(index):
            raise BitstreamError(f"frame {index}: not there yet")
        if self._last is None or self._last[0] != index:
            self._last = (index, self._decode(index))
        return self._last[1]

    def _decode(self, index: int) -> Frame:
        key_index = self.groups.key(index)
        if self._key is None or self._key[0] != key_index:
            self._key = (key_index, self._decode_section(key_index, None, None))
        key = self._key[1]
        if index == key_index:
            return key
        if self.groups.prediction == "key":
            return self._decode_section(index, key, None)
        start, frame = self._last if self._last is not None and key_index < self._last[0] < index else self._key
        for between in range(start + 1, index + 1):
            frame = self._decode_section(between, key, frame)
        return frame

    def _decode_section(self, index: int, key: Frame | None, previous: Frame | None) -> Frame:
        name = frame_section(index)
        try:
            if name not in self._reader.sizes:
                raise BitstreamError(self._reader.why_absent(name))
            return self._codec.decode(self._reader.read(name), key, previous)
        except BitstreamError as error:
            dependents = self.groups.dependents(index)
            if len(dependents) == 1:
                raise BitstreamError(f"frame {index}: {error}") from error
            reference = f"their key frame {index}" if key is None else f"frame {index}, on which they depend,"
            span = f"frames {dependents[0]} to {dependents[-1]}"
            raise BitstreamError(f"{span} can't be decoded: {reference} is lost or damaged ({error})") from error

    def _is_awaited(self, index: int) -> bool:
        name = frame_section(index)
        return name not in self._reader.sizes and self._reader.why_absent(name) == "not there yet"


class _CodedTensors(Mapping[str, Tensor]):
    """All tensors of a video by name; a frame is decoded when one of its tensors is looked up."""

    def __init__(self, video: VolumetricVideo[Any]) -> None:
        self._video = video
        self._frame_of: dict[str, tuple[int, str]] = {}
        for index in range(len(video)):
            for name in video._codec.tensor_names(is_key=video.groups.key(index) == index):
                self._frame_of[tensor_name(index, name)] = (index, name)

    def __getitem__(self, name: str) -> Tensor:
        if name in self._frame_of:
            index, own_name = self._frame_of[name]
            return self._video._codec.coded_tensors(self._video._decoded(index))[own_name]
        return self._shared_names()[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._frame_of, *self._shared_names()])

    def __len__(self) -> int:
        return len(self._frame_of) + len(self._video._shared)

    def _shared_names(self) -> dict[str, Tensor]:
        return {tensor_name(None, name): tensor for name, tensor in self._video._shared.items()}


def frame_components(sizes: Mapping[str, int], groups: GroupsOfFrames) -> dict[str, int]:
    """Bytes by section, those of the frames' sections added up as "key frames" and "other frames"."""
    rest = dict(sizes)
    frames = [rest.pop(frame_section(index), 0) for index in range(groups.frames)]
    keys = sum(frames[:: groups.length])
    return {"key frames": keys, "other frames": sum(frames) - keys, **rest}


def frame_section(index: int) -> str:
    """The name of the section of a frame."""
    return f"frame.{index:04d}"


def add_tensors(digest: TensorDigest, index: int | None, tensors: Mapping[str, Tensor | np.ndarray]) -> None:
    """Add those of a frame, or those that all frames share (None), which come behind all frames."""
    for name in sorted(tensors):
        digest.add(tensor_name(index, name), tensors[name])


def tensor_name(index: int | None, name: str) -> str:
    """The name, among all coded tensors of a video, of a tensor of a frame, or of one that all frames share (None)."""
    return f"shared/{name}" if index is None else f"{index:04d}/{name}"
