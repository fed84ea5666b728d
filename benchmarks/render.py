"""How long one view of a decoded file takes, at several sizes, and the memory it needs.

    python -m benchmarks.render FILE.nrz --sizes 200,400,800 [--device cuda] [--half] [--tf32] [--twins]

The view is that of a camera in the data sets' usual place: outside the box, looking at its centre. With --twins the
pure-torch twins of the kernels render the same views on the same device.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks._command import add_device, as_command, checked_device, positives
from nerfzip.benchmark.decoding import decode_file
from nerfzip.benchmark.environment import device_description
from nerfzip.benchmark.memory import peak_device_memory, peak_memory, reset_peak_memory
from nerfzip.cli import positive
from nerfzip.fields.captured import BEFORE_CAPTURE
from nerfzip.fields.field import Renderable
from nerfzip.fields.placement import placed
from nerfzip.geometry import Cameras
from nerfzip.kernels import use_twins
from nerfzip.method import VolumetricField
from nerfzip.rendering.images import render_pixels
from nerfzip.rendering.orbit import orbit_cameras


def median_seconds(field: Renderable, cameras: Cameras) -> float:
    """For one of the views, to its pixels in main memory, after kernels are compiled and chunks captured."""
    views = len(cameras)
    for view in range(max(views, BEFORE_CAPTURE + 1)):
        render_pixels(field, cameras, view % views)
    seconds = []
    for view in range(views):
        start = time.perf_counter()
        render_pixels(field, cameras, view)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--sizes", type=positives, default="200,400,800", help="widths and heights in pixels")
    parser.add_argument("--views", type=positive, default=5, help="views on an orbit; the median is printed")
    parser.add_argument("--half", action="store_true", help="on a GPU: hold features of voxel fields in bfloat16")
    parser.add_argument("--tf32", action="store_true", help="on a GPU: multiply matrices of numbers rounded to TF32")
    parser.add_argument("--twins", action="store_true", help="also with the pure-torch twins")
    add_device(parser, "where it is rendered; it is decoded on the CPU")
    arguments = parser.parse_args()
    device = checked_device(parser, arguments)
    if (arguments.half or arguments.tf32) and device != "cuda":
        parser.error("--half, --tf32: expected --device cuda")
    if arguments.tf32:
        torch.set_float32_matmul_precision("high")
    decode_file(arguments.file, "cpu")
    decoded = decode_file(arguments.file, "cpu")
    print(device_description(device))
    print(f"decode {decoded.seconds:.2f} s")
    video = decoded.field if isinstance(decoded.field, VolumetricField) else None
    field: Any = decoded.field if video is None else video.frame(0)
    for size in arguments.sizes:
        reset_peak_memory()
        cameras = orbit_cameras(field.box, arguments.views, size, size)
        middle = median_seconds(placed(field, device, arguments.half), cameras)
        line = f"{size}×{size}: {middle * 1000:.1f} ms a view, {1 / middle:.1f} a second"
        line += f"; peak {peak_memory() / 2**20:.0f} MiB"
        if device == "cuda":
            line += f", {peak_device_memory() / 2**20:.0f} MiB of the device"
        if arguments.twins:
            with use_twins():
                by_twins = median_seconds(placed(field, device, arguments.half), cameras)
            line += f"; twins {by_twins * 1000:.1f} ms, {by_twins / middle:.1f}×"
        print(line, flush=True)
        if video is not None:
            start = time.perf_counter()
            render_pixels(placed(video.frame(0), device, arguments.half), cameras, 0)
            print(f"{size}×{size}: {(time.perf_counter() - start) * 1000:.0f} ms for a frame from its bytes to a view")


if __name__ == "__main__":
    as_command(main)
