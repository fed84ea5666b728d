"""Frames of video files, decoded when they are asked for."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from nerfzip.errors import CaptureError

OPEN_VIDEOS = 160
"""Image and mask of 80 cameras: then frame after frame of all cameras is decoded without going back."""


@dataclass(frozen=True)
class VideoIndex:
    """What a video file holds, found without decoding it.

    Attributes:
        size: width and height in pixels.
        times: presentation time of each frame, in the stream's unit, ascending.
        keyframes: numbers of the frames at which decoding can start, ascending.
    """

    path: Path
    size: tuple[int, int]
    times: tuple[int, ...]
    keyframes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.times)


def index_video(path: Path) -> VideoIndex:
    """Read a file's packets.

    Raises:
        CaptureError: it is missing, or no video that can be read, or has no frames.
    """
    if not path.is_file():
        raise CaptureError(f"{path}: no such video file")
    try:
        with av.open(str(path)) as container:
            stream = _stream(container, path)
            packets = [(packet.pts, packet.is_keyframe) for packet in container.demux(stream) if packet.pts is not None]
            size = stream.width, stream.height
    except (av.FFmpegError, ValueError) as error:
        raise CaptureError(f"{path}: not a video that can be read: {error}") from error
    if not packets:
        raise CaptureError(f"{path}: a video without frames")
    packets.sort()
    keyframes = tuple(number for number, (_, is_keyframe) in enumerate(packets) if is_keyframe)
    return VideoIndex(path, size, tuple(time for time, _ in packets), keyframes)


class VideoReader:
    """Decodes any frame of any of many videos, fastest where the frames of each are asked for in their order.

    It keeps a decoder for each of the last `open_videos` videos and no frames but those that a decoder refers to, so
    memory does not grow with the length of the videos.
    """

    def __init__(self, open_videos: int = OPEN_VIDEOS) -> None:
        self._limit = open_videos
        self._decoders: OrderedDict[Path, _Decoder] = OrderedDict()

    def rgb(self, video: VideoIndex, number: int) -> UInt8[np.ndarray, "height width 3"]:
        """One frame.

        Raises:
            CaptureError: there is no such frame, or it can't be decoded.
        """
        if not 0 <= number < len(video):
            raise CaptureError(f"{video.path}: no frame {number}; it has frames 0 to {len(video) - 1}")
        try:
            pixels = self._decoder(video).decode(number).to_ndarray(format="rgb24")
        except (av.FFmpegError, ValueError) as error:
            self._close(video.path)
            raise CaptureError(f"{video.path}: frame {number} can't be decoded: {error}") from error
        width, height = video.size
        if pixels.shape[:2] != (height, width):
            found = f"{pixels.shape[1]}×{pixels.shape[0]}"
            raise CaptureError(f"{video.path}: frame {number} has {found} pixels, expected {width}×{height}")
        return pixels

    def __len__(self) -> int:
        """How many videos are open."""
        return len(self._decoders)

    def _decoder(self, video: VideoIndex) -> "_Decoder":
        if video.path not in self._decoders:
            if len(self._decoders) >= self._limit:
                self._close(next(iter(self._decoders)))
            self._decoders[video.path] = _Decoder(video)
        self._decoders.move_to_end(video.path)
        return self._decoders[video.path]

    def _close(self, path: Path) -> None:
        decoder = self._decoders.pop(path, None)
        if decoder is not None:
            decoder.container.close()


class _Decoder:
    """An open video, before one of its frames."""

    def __init__(self, video: VideoIndex) -> None:
        self.container = av.open(str(video.path))
        self._video = video
        self._stream = _stream(self.container, video.path)
        self._frames: Iterator[av.VideoFrame] = self.container.decode(self._stream)
        self._next = 0

    def decode(self, number: int) -> av.VideoFrame:
        """Decode up to a frame: onwards from where the video stands, or from the last key frame before it."""
        times = self._video.times
        start = max((keyframe for keyframe in self._video.keyframes if keyframe <= number), default=0)
        if not start <= self._next <= number:
            self.container.seek(times[start], stream=self._stream)
            self._frames, self._next = self.container.decode(self._stream), start
        for frame in self._frames:
            # Before the key frame there may be leftovers of what came earlier.
            if frame.pts is not None and frame.pts >= times[number]:
                self._next = number + 1
                if frame.pts == times[number]:
                    return frame
                break
        raise ValueError("it is missing between the others")


def _stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    if not container.streams.video:
        raise CaptureError(f"{path}: no video in this file")
    stream = container.streams.video[0]
    # One thread: with more, each decoder would hold several frames that nobody may ask for.
    stream.thread_count = 1
    return stream
