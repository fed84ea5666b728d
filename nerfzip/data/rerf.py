"""ReRF's captures: a video and a video of masks for each camera (Wang et al. 2023; sheet `datasets`, section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nerfzip.data.checks import (
    Corners,
    as_box,
    as_colour,
    as_intrinsics,
    as_pose,
    check_downscale,
    scene_folder,
)
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import Rgba
from nerfzip.data.json_file import read_json, required
from nerfzip.data.scene import VolumetricScene
from nerfzip.data.text_rows import read_rows
from nerfzip.data.video import Camera, Rig, chosen_frames, evenly_spaced, split_cameras
from nerfzip.data.video_files import VideoIndex, VideoReader, index_video
from nerfzip.errors import CaptureError
from nerfzip.geometry import Box

TEST_VIEWS = 4
"""As many as JointRF holds out; which ones is not published."""
REACH = 2.0
"""The largest coordinate of a camera's position after scaling."""


def load_rerf(
    root: str | Path,
    scene: str,
    frames: str = ":",
    downscale: int = 1,
    test_cameras: Sequence[int] | None = None,
    box: Corners | None = None,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = (1.0, 1.0, 1.0),
) -> VolumetricScene:
    """Load `root/scene`: `CamPose.inf`, `Intrinsic.inf`, `bbox.json`, and `image/NNN.mp4`, `mask/NNN.mp4` by camera.

    A camera's number is its row in `CamPose.inf`; rows without a video are left out. As ReRF does, the positions of all
    rows are recentred to mean zero and scaled so that their largest coordinate is 2. The first channel of a mask is
    alpha; masks are lossy, so it is soft.

    Args:
        frames: start:stop or start:stop:step, as a slice; ":" is as many as all videos have.
        downscale: integer factor by which decoded images and masks are reduced (area filter).
        test_cameras: their numbers; by default four, evenly spaced in the order of numbers.
        box: minimum and maximum corner in the scaled world; by default that of `bbox.json`.
        near, far: distances along rays between which the scene lies, world units. By default the smallest distance of a
            camera from the box and the largest from one of its corners.
        background: RGB in [0, 1].

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = scene_folder(root, scene)
    downscale, colour = check_downscale(downscale), as_colour(background, "background")
    cameras = _read_cameras(folder)
    videos = {camera: _read_videos(folder, camera) for camera in _numbers(folder, len(cameras))}
    every = [video for pair in videos.values() for video in (pair.image, pair.mask)]
    size = every[0].size
    for video in every:
        if video.size != size:
            found, expected = ("×".join(map(str, each)) for each in (video.size, size))
            raise CaptureError(f"{video.path}: {found} pixels, expected {expected} as in {every[0].path}")
    shortest = min(every, key=len)
    chosen = chosen_frames(frames, len(shortest), shortest.path)
    held_out = evenly_spaced(list(videos), TEST_VIEWS) if test_cameras is None else test_cameras
    splits = split_cameras(list(videos), held_out, folder)
    rig = Rig({number: cameras[number] for number in videos}, splits, size)
    bounds = _read_box(folder / "bbox.json") if box is None else as_box(box, "box")
    reader = VideoReader()

    def read(frame: int, camera: int) -> Rgba:
        image, mask = (reader.rgb(video, frame) for video in (videos[camera].image, videos[camera].mask))
        return np.concatenate([image, mask[..., :1]], axis=-1).astype(np.float32) / 255

    settings = {
        "format": "rerf",
        "frames": list(chosen),
        "splits": splits,
        "downscale": downscale,
        "box": (bounds.minimum, bounds.maximum),
        "range": (near, far),
        "background": colour,
    }
    digest = fingerprint(settings, [folder / "CamPose.inf", folder / "Intrinsic.inf", *(video.path for video in every)])
    return rig.video(scene, chosen, read, downscale, bounds, near, far, colour, digest)


@dataclass(frozen=True)
class _Videos:
    """What one camera saw, and its masks."""

    image: VideoIndex
    mask: VideoIndex


def _read_videos(folder: Path, camera: int) -> _Videos:
    name = f"{camera:03d}.mp4"
    return _Videos(index_video(folder / "image" / name), index_video(folder / "mask" / name))


def _numbers(folder: Path, cameras: int) -> list[int]:
    """The numbers of the cameras that have a video."""
    if not (folder / "image").is_dir():
        raise CaptureError(f"{folder / 'image'}: no such folder")
    numbers = []
    for path in sorted((folder / "image").glob("*.mp4")):
        if not path.stem.isdecimal() or int(path.stem) >= cameras or path.stem != f"{int(path.stem):03d}":
            raise CaptureError(f"{path}: expected NNN.mp4 with a camera from 0 to {cameras - 1}, as in CamPose.inf")
        numbers.append(int(path.stem))
    if len(numbers) <= TEST_VIEWS:
        raise CaptureError(f"{folder / 'image'}: {len(numbers)} files NNN.mp4, expected more than {TEST_VIEWS}")
    return numbers


def _read_cameras(folder: Path) -> list[Camera]:
    poses_path, intrinsics_path = folder / "CamPose.inf", folder / "Intrinsic.inf"
    poses = read_rows(poses_path)
    for number, row in enumerate(poses):
        if len(row) != 12:
            raise CaptureError(f"{poses_path}, camera {number}: {len(row)} numbers, expected 12")
    matrices = read_rows(intrinsics_path)
    if not poses or len(matrices) != 3 * len(poses):
        raise CaptureError(
            f"{intrinsics_path}: {len(matrices)} rows for the {len(poses)} cameras of {poses_path}, expected 3 for each"
        )
    axes_and_positions = torch.tensor(poses, dtype=torch.float64).reshape(-1, 4, 3)
    positions = axes_and_positions[:, 3] - axes_and_positions[:, 3].mean(dim=0)
    reach = positions.abs().max()
    if not 0 < reach < torch.inf:
        raise CaptureError(f"{poses_path}: the cameras' positions reach {reach:g}, expected finite ones that differ")
    cameras = []
    for number, (axes, position) in enumerate(zip(axes_and_positions, positions * REACH / reach, strict=True)):
        pose = torch.eye(4, dtype=torch.float64)
        z_axis, x_axis, y_axis = axes[:3]
        pose[:3] = torch.stack([x_axis, y_axis, z_axis, position], dim=-1)
        cameras.append(
            Camera(
                as_intrinsics(matrices[3 * number : 3 * number + 3], f"{intrinsics_path}, camera {number}"),
                as_pose(pose.tolist(), f"{poses_path}, camera {number}"),
            )
        )
    return cameras


def _read_box(path: Path) -> Box:
    document = read_json(path)
    return as_box((required(document, "xyz_min", path), required(document, "xyz_max", path)), str(path))
