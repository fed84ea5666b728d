"""`nerfzip render`: a file to images, from the test cameras of a capture or from an orbit."""

from argparse import Namespace

from nerfzip.benchmark.decoding import decode_file
from nerfzip.config import build_scene, chosen_device
from nerfzip.errors import ConfigError
from nerfzip.geometry import Box, Cameras
from nerfzip.method import VolumetricField
from nerfzip.rendering.images import image_name, render_images, write_png
from nerfzip.rendering.orbit import orbit_cameras


def main(arguments: Namespace) -> int:
    decoded = decode_file(arguments.file, chosen_device(arguments.device))
    field = decoded.field
    if isinstance(field, VolumetricField):
        raise ConfigError(f"{arguments.file}: a volumetric video of {len(field)} frames; choose one with --frame")
    cameras = _cameras(arguments, getattr(field, "box", None))
    out = arguments.out or arguments.file.with_suffix("")
    seconds = []
    for index, image in enumerate(render_images(field, cameras)):
        write_png(out / image_name(index), image.pixels)
        seconds.append(image.seconds)
    print(f"{out}: {len(seconds)} images of {cameras.width}×{cameras.height}, {sum(seconds) / len(seconds):.2f} s each")
    return 0


def _cameras(arguments: Namespace, box: Box | None) -> Cameras:
    if arguments.scene:
        return build_scene(arguments.scene).test.cameras
    if box is None:
        raise ConfigError(f"{arguments.file}: its field has no box to orbit around; give cameras with --scene")
    width, height = arguments.size
    return orbit_cameras(box, arguments.orbit, width, height)
