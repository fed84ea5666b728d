"""The decoder of a benchmark, a process of its own.

`python -m nerfzip.benchmark.decode_worker FILE CAMERAS OUT DEVICE [PARENT]` has the bitstream and the cameras, and
nothing else. It writes OUT/images/*.png, then OUT/decode.json: what it measured, or under "error" why it failed. PARENT
is the process to end with.
"""

import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerfzip.benchmark.camera_file import read_cameras
from nerfzip.benchmark.decoding import decode_file
from nerfzip.benchmark.environment import device_description
from nerfzip.benchmark.measured_views import frame_image_name
from nerfzip.benchmark.memory import peak_device_memory, peak_memory
from nerfzip.benchmark.parent_process import end_with
from nerfzip.errors import NerfzipError
from nerfzip.fields.captured import BEFORE_CAPTURE
from nerfzip.fields.field import Field, Renderable, VolumetricField
from nerfzip.fields.placement import placed
from nerfzip.files import write_atomically
from nerfzip.progress import track
from nerfzip.rendering.images import render_images, render_pixels, write_png
from nerfzip.stopwatch import stopwatch


def decode_and_render(file: Path, cameras_file: Path, out: Path, device: str) -> dict[str, Any]:
    """Decode the file, render all cameras to OUT/images, and return what was measured; times are in seconds.

    Of a volumetric video every frame is decoded on its own, and seen by all cameras. Some are rendered before the
    measured ones, for kernels to be compiled or loaded, and on CUDA for the field to be captured.
    """
    decoded = decode_file(file, device)
    cameras = read_cameras(cameras_file)
    render_seconds: list[float] = []
    frame_seconds: list[float] = []
    warm_up = BEFORE_CAPTURE + 1 if device == "cuda" else 1
    for frame, field in _frames(decoded.field, frame_seconds):
        there = placed(field, device)
        for _ in range(warm_up):
            render_pixels(there, cameras, 0)
        warm_up = 0
        for index, image in enumerate(render_images(there, cameras)):
            write_png(out / "images" / frame_image_name(frame, index), image.pixels)
            render_seconds.append(image.seconds)
    return {
        "digest": decoded.bitstream.digest.hex(),
        "decompress_seconds": decoded.seconds + sum(frame_seconds),
        "frame_seconds": frame_seconds,
        "render_seconds": render_seconds,
        "peak_memory": peak_memory(),
        "peak_device_memory": peak_device_memory(),
        "device": device_description(device),
    }


def _frames(field: Field | VolumetricField, seconds: list[float]) -> Iterator[tuple[int | None, Renderable]]:
    """A static field, or each frame of a video, whose times of decoding are added to `seconds`."""
    if not isinstance(field, VolumetricField):
        yield None, field
        return
    for index in track(range(len(field)), "frames", len(field)):
        with stopwatch() as elapsed:
            frame = field.frame(index)
        seconds.append(elapsed.seconds)
        yield index, frame


def main(arguments: list[str]) -> int:
    file, cameras_file, out = (Path(word) for word in arguments[:3])
    try:
        result = decode_and_render(file, cameras_file, out, device=arguments[3])
    except NerfzipError as error:
        result = {"error": str(error)}
    except Exception:
        result = {"error": traceback.format_exc()}
    write_atomically(out / "decode.json", json.dumps(result, indent=2).encode())
    return 1 if "error" in result else 0


if __name__ == "__main__":
    if len(sys.argv) > 5:
        end_with(int(sys.argv[5]))
    sys.exit(main(sys.argv[1:]))
