"""The decoder of a benchmark, a process of its own.

`python -m nerfzip.benchmark.decode_worker FILE CAMERAS OUT DEVICE [PARENT]` has the bitstream and the test cameras, and
nothing else. It writes OUT/images/*.png, then OUT/decode.json: what it measured, or under "error" why it failed. PARENT
is the process to end with.
"""

import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from nerfzip.benchmark.camera_file import read_cameras
from nerfzip.benchmark.decoding import decode_file
from nerfzip.benchmark.environment import device_description
from nerfzip.benchmark.memory import peak_device_memory, peak_memory
from nerfzip.errors import NerfzipError
from nerfzip.files import write_atomically
from nerfzip.rendering.images import image_name, render_images, write_png

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: send this process a signal when its parent dies."""


def decode_and_render(file: Path, cameras_file: Path, out: Path, device: str) -> dict[str, Any]:
    """Decode the file, render all cameras to OUT/images, and return what was measured; times are in seconds."""
    decoded = decode_file(file, device)
    render_seconds = []
    for index, image in enumerate(render_images(decoded.field, read_cameras(cameras_file))):
        write_png(out / "images" / image_name(index), image.pixels)
        render_seconds.append(image.seconds)
    return {
        "digest": decoded.bitstream.digest.hex(),
        "decompress_seconds": decoded.seconds,
        "render_seconds": render_seconds,
        "peak_memory": peak_memory(),
        "peak_device_memory": peak_device_memory(),
        "device": device_description(device),
    }


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


def _end_with(parent: int) -> None:
    """Be killed when the parent process dies, however it dies; on other systems than Linux, only if it has already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before; then another process is our parent by now.
    if os.getppid() != parent:
        sys.exit(f"nerfzip: process {parent}, which wanted this decoded, has ended")


if __name__ == "__main__":
    if len(sys.argv) > 5:
        _end_with(int(sys.argv[5]))
    sys.exit(main(sys.argv[1:]))
