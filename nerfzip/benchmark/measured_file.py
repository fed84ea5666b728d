"""What a file is worth on a capture: decoded in a fresh process, its test views measured by the one protocol."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerfzip.benchmark.camera_file import write_cameras
from nerfzip.benchmark.decode_process import decode_in_fresh_process
from nerfzip.benchmark.decoding import read_bitstream
from nerfzip.benchmark.measured_views import measured_cameras, measured_views
from nerfzip.benchmark.quality import mean_metrics, measure_images
from nerfzip.bitstream import Bitstream, GroupsOfFrames, frame_components
from nerfzip.data.scene import Capture, VolumetricScene, frames_of
from nerfzip.errors import NerfzipError


@dataclass(frozen=True)
class MeasuredFile:
    """The part of a result row (`nerfzip.benchmark.row`) that needs nothing but the file and the test views.

    Attributes:
        method: that the file names.
        images: for each measured view a dictionary of what `Row.images` has in columns.
        seconds: decompress, render (mean of an image), and of a volumetric video frame (mean of decoding one).
        peak_memory: of the decoding process, and on its CUDA device.
    """

    method: str
    bytes: int
    bytes_by_component: dict[str, int]
    digest: str
    metrics: dict[str, float]
    images: list[dict[str, Any]]
    seconds: dict[str, float]
    peak_memory: dict[str, int]
    device: str


def check_test_images(capture: Capture) -> None:
    """Read all test images, if there are any: a damaged one would else be noticed after the work, which is long."""
    for frame in frames_of(capture):
        if "test" not in frame.splits:
            continue
        for index in range(len(frame.test)):
            frame.test.read_rgba(index)


def measure_file(
    file: Path, capture: Capture, folder: Path, device: str, train_views: int = 0, keep_open: Collection[int] = ()
) -> MeasuredFile:
    """Decode a file, render a capture's test views to folder/images, and compare them with the ground truth.

    Args:
        train_views: so many training views are measured too.
        folder: also gets what the decoder is given, cameras.npz, and what it says, decode.json.
        keep_open: see `decode_in_fresh_process`.

    Raises:
        NerfzipError: the file can't be read or decoded, or what it renders can't be measured.
    """
    data, bitstream = read_bitstream(file)
    cameras = folder / "cameras.npz"
    write_cameras(cameras, measured_cameras(capture, train_views))
    decoded = decode_in_fresh_process(file, cameras, folder, device, keep_open)
    _check_frames(file, capture, len(decoded["frame_seconds"]))
    images = measure_images(folder / "images", capture, measured_views(capture, train_views))
    render_seconds, frame_seconds = decoded["render_seconds"], decoded["frame_seconds"]
    return MeasuredFile(
        method=bitstream.method,
        bytes=len(data),
        bytes_by_component=_components(bitstream),
        digest=decoded["digest"],
        metrics=mean_metrics(images),
        images=[{**image, "render_seconds": s} for image, s in zip(images, render_seconds, strict=True)],
        seconds={
            "decompress": decoded["decompress_seconds"],
            "render": sum(render_seconds) / len(render_seconds),
            **({"frame": sum(frame_seconds) / len(frame_seconds)} if frame_seconds else {}),
        },
        peak_memory={"decode": decoded["peak_memory"], "decode_device": decoded["peak_device_memory"]},
        device=decoded["device"],
    )


def _components(bitstream: Bitstream) -> dict[str, int]:
    sizes = bitstream.component_sizes()
    if "video" not in bitstream.header:
        return sizes
    return frame_components(sizes, GroupsOfFrames.from_header(bitstream.header))


def _check_frames(file: Path, capture: Capture, decoded: int) -> None:
    """`decoded` is the number of a video's frames, 0 of a static field."""
    captured = len(capture) if isinstance(capture, VolumetricScene) else 0
    if decoded == captured:
        return
    found, expected = (f"a video of {frames} frames" if frames else "static" for frames in (decoded, captured))
    raise NerfzipError(f"{file}: what it holds is {found}; the capture {capture.name} is {expected}")
