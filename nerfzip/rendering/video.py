"""Images to a video file, encoded by PyAV (the libraries of FFmpeg)."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import av
from jaxtyping import UInt8
from torch import Tensor

from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.files import atomic_file

CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov"}
"""FFmpeg's name for a file's ending."""
CODECS = {"libx264": {"crf": "18"}, "mpeg4": {"qscale": "3"}}
"""The first that the installed libraries have is taken, with settings at which its losses can hardly be seen."""


def check_video(path: Path, width: int, height: int) -> None:
    """Raise ConfigError unless images of this size can be written to a file of this name."""
    if path.suffix.lower() not in CONTAINERS:
        raise ConfigError(f"--video {path}: expected a file that ends in {', '.join(CONTAINERS)}")
    if width % 2 or height % 2:
        raise ConfigError(f"--size {width}x{height}: a video needs an even width and height")


def write_video(
    path: Path, images: Iterable[UInt8[Tensor, "height width 3"]], width: int, height: int, frames_per_second: int
) -> int:
    """Encode images as they come, under a temporary name that is then changed to `path`; returns their number.

    Raises:
        NerfzipError: there is no image, or the file can't be written.
    """
    codec = next(name for name in CODECS if name in av.codecs_available)
    count = 0
    try:
        with atomic_file(path) as file, av.open(file, "w", format=CONTAINERS[path.suffix.lower()]) as container:
            stream = cast(av.VideoStream, container.add_stream(codec, frames_per_second, CODECS[codec]))
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image.numpy(), format="rgb24")))
                count += 1
            if count == 0:
                raise NerfzipError(f"{path}: there is no image to make a video of")
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise NerfzipError(f"{path}: the video can't be encoded: {error}") from error
    return count
