"""Google Scanned Objects as CodecNeRF renders them (Downs et al. 2022; sheet `datasets`, section 6)."""

from collections.abc import Sequence
from pathlib import Path

from nerfzip.data.checks import (
    Corners,
    as_positive,
    scene_folder,
)
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import image_size
from nerfzip.data.object_splits import split_views
from nerfzip.data.scene import Scene
from nerfzip.data.surroundings import Surroundings
from nerfzip.data.transforms_json import own_intrinsics, read_transforms
from nerfzip.data.views import make_cameras
from nerfzip.errors import CaptureError

SOURCE_EVERY = 2
TEST_EVERY, FIRST_TEST = 4, 1
"""CodecNeRF's splits: an encoder sees even views; views 1, 5, 9, ... are for testing."""


def load_gso(
    root: str | Path,
    scene: str,
    downscale: int = 1,
    near: float = 0.5,
    far: float = 1.8,
    box: Corners = ((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5)),
    background: Sequence[float] = (1.0, 1.0, 1.0),
    position_scale: float = 2 / 3,
) -> Scene:
    """Load `root/scene`: `r_000.png` and so on, and `transforms.json` with a matrix of intrinsics for each frame.

    The splits of 32 views: `train` has 24 for fine-tuning, `source` the 16 that an encoder sees, `test` the other 8.

    Args:
        downscale: integer factor by which the images on disk are reduced (area filter); the published ones are 512×512,
            and CodecNeRF halves them.
        near, far: distances along rays between which the object lies, world units.
        box: minimum and maximum corner, world units.
        background: RGB in [0, 1].
        position_scale: of the cameras' positions. The default brings them to the distance of Objaverse's.

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = scene_folder(root, scene)
    around = Surroundings.checked(downscale, near, far, box, background)
    position_scale = as_positive(position_scale, "position_scale")
    path = folder / "transforms.json"
    frames = read_transforms(path).frames
    if len(frames) <= FIRST_TEST:
        raise CaptureError(f"{path}, frames: {len(frames)} of them, expected more than {FIRST_TEST}")
    poses, intrinsics = [], []
    for frame in frames:
        pose = frame.camera_to_world.clone()
        pose[:3, 3] *= position_scale
        poses.append(pose)
        intrinsics.append(own_intrinsics(path, frame))
    files = [frame.path for frame in frames]
    size = image_size(files[0])
    cameras = make_cameras(poses, intrinsics, size, downscale)
    source = range(0, len(frames), SOURCE_EVERY)
    train = [index for index in range(len(frames)) if index % TEST_EVERY != FIRST_TEST]
    views = split_views(cameras, files, size, downscale, source, train)
    settings = {"format": "gso", "position_scale": position_scale, **around.for_fingerprint()}
    digest = fingerprint(settings, [path, *files])
    return Scene(scene, views, around.box, around.near, around.far, around.background, digest)
