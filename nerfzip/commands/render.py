"""`nerfzip render`: a file to images or a video, from the test cameras of a capture or from an orbit."""

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator

import torch

from nerfzip.benchmark.decoding import opened_file
from nerfzip.benchmark.measured_views import frame_image_name
from nerfzip.config import build_scene
from nerfzip.data.scene import frames_of
from nerfzip.devices import chosen_device, named_device
from nerfzip.errors import BitstreamError, ConfigError, NerfzipError
from nerfzip.fields.field import Renderable
from nerfzip.fields.placement import placed
from nerfzip.files import check_folder
from nerfzip.geometry import Cameras
from nerfzip.method import Field, VolumetricField
from nerfzip.progress import track
from nerfzip.rendering.images import render_images, render_pixels, write_png
from nerfzip.rendering.orbit import orbit_cameras
from nerfzip.rendering.video import check_video, write_video

IMAGES = 8
"""Of an orbit, unless another number is asked for."""
FRAMES_PER_SECOND = 30
SECONDS_OF_ORBIT = 4
"""Of a video of a static scene, unless the number of its views is given."""


def main(arguments: Namespace) -> int:
    _check(arguments)
    device = chosen_device(arguments.device)
    if arguments.tf32:
        torch.set_float32_matmul_precision("high")
    with opened_file(arguments.file, device, arguments.recover) as opened:
        if isinstance(opened.field, VolumetricField):
            frames = _chosen_frames(arguments, len(opened.field))
        else:
            _check_static(arguments)
            frames = range(0)
        _warn(opened.reader.damage)
        if arguments.video:
            _make_video(arguments, opened.field, frames, device)
        else:
            _make_images(arguments, opened.field, frames, device)
        print(f"read {opened.bytes_read:,} of the file's {opened.reader.size:,} bytes")
    return 0


def _check(arguments: Namespace) -> None:
    """Refuse what can't be done whatever the file holds."""
    for option in ("half", "tf32"):
        if vars(arguments)[option] and named_device(arguments.device) != "cuda":
            raise ConfigError(f"--{option}: on --device {arguments.device}, expected --device cuda")
    if arguments.out:
        check_folder("--out", arguments.out)
    if arguments.video is None:
        if arguments.path or arguments.fps or arguments.repeat > 1:
            raise ConfigError("--path, --fps and --repeat are of a video; add --video FILE.mp4")
        return
    check_video(arguments.video, *arguments.size)
    if arguments.scene:
        raise ConfigError("--scene: a video is seen from --path orbit or still, not from a capture's cameras")


def _check_static(arguments: Namespace) -> None:
    repeat = arguments.repeat if arguments.repeat > 1 else None
    for option, value in (("--frame", arguments.frame), ("--frames", arguments.frames), ("--repeat", repeat)):
        if value is not None:
            raise ConfigError(f"{option}: {arguments.file} is a static scene, which has no frames")
    if arguments.path == "still":
        raise ConfigError(f"--path still: {arguments.file} is a static scene, in which nothing would move")


def _chosen_frames(arguments: Namespace, count: int) -> range:
    """Of a volumetric video of `count` frames."""
    if arguments.frame is not None:
        option, start, stop = "--frame", arguments.frame, arguments.frame + 1
    elif arguments.frames is not None:
        option, start, stop = "--frames", arguments.frames[0], arguments.frames[1] or count
    elif arguments.video:
        return range(count)
    else:
        raise ConfigError(f"{arguments.file}: a volumetric video of {count} frames; choose with --frame or --frames")
    if max(start, stop - 1) >= count:
        asked = f"frame {max(start, stop - 1)} was asked for"
        raise ConfigError(f"{option}: {arguments.file} has the frames 0 to {count - 1}, {asked}")
    return range(start, stop)


def _make_images(arguments: Namespace, field: Field | VolumetricField, frames: range, device: str) -> None:
    if arguments.scene:
        cameras = frames_of(build_scene(arguments.scene))[0].test.cameras
    else:
        cameras = _orbit(arguments, field, arguments.orbit or IMAGES)
    out = arguments.out or arguments.file.with_suffix("")
    seconds = []
    seen: Iterable[tuple[int | None, Renderable]]
    if isinstance(field, VolumetricField):
        seen = _frames(arguments, field, frames, device)
    else:
        seen = [(None, placed(field, device, arguments.half))]
    for index, renderable in seen:
        for view, image in enumerate(render_images(renderable, cameras)):
            write_png(out / frame_image_name(index, view), image.pixels)
            seconds.append(image.seconds)
    if not seconds:
        raise NerfzipError(f"{arguments.file}: none of the frames can be decoded")
    each = f"{sum(seconds) / len(seconds):.3f} s each on {device}"
    print(f"{out}: {len(seconds)} images of {cameras.width}×{cameras.height}, {each}")


def _make_video(arguments: Namespace, field: Field | VolumetricField, frames: range, device: str) -> None:
    fps = arguments.fps or FRAMES_PER_SECOND
    seen: Iterator[tuple[int, Renderable]]
    if isinstance(field, VolumetricField):
        if arguments.orbit:
            raise ConfigError("--orbit: of a volumetric video each frame is seen once, so there are as many views")
        views = arguments.repeat * len(frames)
        seen = (
            (round_ * len(frames) + index - frames.start, frame)
            for round_ in range(arguments.repeat)
            for index, frame in _frames(arguments, field, frames, device)
        )
    else:
        views = arguments.orbit or SECONDS_OF_ORBIT * fps
        static = placed(field, device, arguments.half)
        seen = ((view, static) for view in range(views))
    cameras = _orbit(arguments, field, views)
    images = (
        render_pixels(renderable, cameras, 0 if arguments.path == "still" else view)
        for view, renderable in track(seen, "render", views)
    )
    count = write_video(arguments.video, images, cameras.width, cameras.height, fps)
    print(f"{arguments.video}: {count} frames of {cameras.width}×{cameras.height}, {count / fps:.1f} s")


def _orbit(arguments: Namespace, field: object, views: int) -> Cameras:
    box = getattr(field, "box", None)
    if box is None:
        raise ConfigError(f"{arguments.file}: its field has no box to orbit around; give cameras with --scene")
    return orbit_cameras(box, views, *arguments.size, up=arguments.up)


def _frames(
    arguments: Namespace, video: VolumetricField, frames: range, device: str
) -> Iterator[tuple[int, Renderable]]:
    """The chosen frames; with --recover those that can be decoded, and a word about the others."""
    lost: dict[str, None] = {}
    for index in frames:
        try:
            frame = video.frame(index)
        except BitstreamError as error:
            if not arguments.recover:
                raise BitstreamError(
                    f"{arguments.file}: {error}; --recover renders the frames that are whole"
                ) from error
            lost[str(error)] = None
            continue
        yield index, placed(frame, device, arguments.half)
    _warn(lost)


def _warn(messages: Iterable[str]) -> None:
    for message in messages:
        print(f"nerfzip: {message}", file=sys.stderr)
