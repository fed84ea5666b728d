"""How long one view of a decoded file takes, at several sizes, and the memory it needs.

    python -m benchmarks.render FILE.nrz --sizes 200,400,800 [--device cuda]

The view is that of a camera in the data sets' usual place: outside the box, looking at its centre.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks._device import add_device, checked_device
from nerfzip.benchmark.decoding import decode_file
from nerfzip.benchmark.environment import device_description
from nerfzip.benchmark.memory import peak_memory
from nerfzip.fields.captured import BEFORE_CAPTURE
from nerfzip.fields.placement import placed
from nerfzip.method import VolumetricField
from nerfzip.rendering.images import render_image
from nerfzip.rendering.orbit import orbit_cameras


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--sizes", default="200,400,800", help="widths and heights in pixels")
    parser.add_argument("--views", type=int, default=5, help="views on an orbit; the median is printed")
    add_device(parser, "where it is rendered; it is decoded on the CPU")
    arguments = parser.parse_args()
    device = checked_device(parser, arguments)
    decode_file(arguments.file, "cpu")
    decoded = decode_file(arguments.file, "cpu")
    print(device_description(device))
    print(f"decode {decoded.seconds:.2f} s")
    video = decoded.field if isinstance(decoded.field, VolumetricField) else None
    field: Any = decoded.field if video is None else video.frame(0)
    for size in (int(word) for word in arguments.sizes.split(",")):
        cameras = orbit_cameras(field.box, arguments.views, size, size)
        there = placed(field, device)
        for view in range(max(arguments.views, BEFORE_CAPTURE + 1)):
            render_image(there, cameras, view % arguments.views)
        if video is not None:
            start = time.perf_counter()
            render_image(placed(video.frame(0), device), cameras, 0)
            print(f"{size}×{size}: {(time.perf_counter() - start) * 1000:.0f} ms for a frame from its bytes to a view")
        seconds = []
        for view in range(arguments.views):
            start = time.perf_counter()
            render_image(there, cameras, view)
            seconds.append(time.perf_counter() - start)
        middle = statistics.median(seconds)
        speed = f"{middle * 1000:.1f} ms a view, {1 / middle:.1f} a second"
        print(f"{size}×{size}: {speed}; peak {peak_memory() / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
