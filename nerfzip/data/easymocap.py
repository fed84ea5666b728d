"""Captures as MLP maps packages them for EasyMocap: NHR and ZJU-MoCap (sheet `datasets`, sections 10 and 11)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from nerfzip.data.checks import (
    Corners,
    as_box,
    as_colour,
    as_intrinsics,
    as_number,
    as_pose,
    check_downscale,
    scene_folder,
)
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.images import Rgba, block_means, check_size, image_size, read_rgb
from nerfzip.data.json_file import required
from nerfzip.data.lens import Lens, undistort_whole
from nerfzip.data.pickled_npy import read_npy, read_pickled_npy
from nerfzip.data.scene import VolumetricScene
from nerfzip.data.video import Camera, Rig, chosen_frames, split_cameras
from nerfzip.errors import CaptureError
from nerfzip.geometry import Box

IsForeground = Callable[[UInt8[np.ndarray, "height width 3"]], Bool[np.ndarray, "height width"]]
"""What the pixels of a mask's file mean."""

PADDING = 0.1
"""Metres of free space on each side of a frame's vertices."""


@dataclass(frozen=True)
class Packaging:
    """In what the data sets differ.

    Attributes:
        format: for the fingerprint.
        most_cameras: only so many of the calibrated cameras are used, the first.
        masks: by folder; what one of them calls foreground is.
    """

    format: str
    most_cameras: int
    masks: Mapping[str, IsForeground]


def load_easymocap(
    packaging: Packaging,
    root: str | Path,
    scene: str,
    frames: str,
    downscale: int,
    test_cameras: Sequence[int] | None,
    unused_cameras: Sequence[int],
    transform: Sequence[Sequence[float]] | None,
    box: Corners | None,
    near: float | None,
    far: float | None,
    background: Sequence[float],
) -> VolumetricScene:
    """Load `root/scene`: `annots.npy`, `images/`, folders of masks, and `vertices/` with the points of each frame.

    A camera's number is its position in `annots.npy`, a frame's the number in the names of its images. Lengths are in
    metres; the file has translations in millimetres. Its intrinsics put the centre of the top left pixel at (0, 0), as
    OpenCV's calibration does; here it is (0.5, 0.5). Lens distortion is undone at the size of the files. Alpha is 0 or
    1, and `downscale` keeps of each block of pixels the mean colour and the top left pixel's alpha.

    Args:
        frames: start:stop or start:stop:step, as a slice of the frames in `annots.npy`; ":" is all.
        test_cameras: their numbers; None: the odd ones.
        unused_cameras: those that are left out of both splits, and whose files are not read.
        transform: 4×4, rigid, from the world of the files to the scene's; None: the identity.
        box: minimum and maximum corner, metres; by default the union of the frames' boxes.

    Returns:
        A video with a box for each frame: around its vertices, with 0.1 m of free space on each side.

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = scene_folder(root, scene)
    downscale, colour = check_downscale(downscale), as_colour(background, "background")
    to_scene = _as_transform(transform)
    annotations = _read_annotations(folder / "annots.npy", packaging.most_cameras)
    calibration = [each.in_scene(to_scene) for each in annotations.cameras]
    numbers = _used_cameras(len(calibration), unused_cameras, test_cameras, annotations.path)
    held_out = [number for number in numbers if number % 2] if test_cameras is None else test_cameras
    splits = split_cameras(numbers, held_out, annotations.path)

    positions = chosen_frames(frames, len(annotations.frames), annotations.path)
    images = _images(annotations, positions, numbers)
    chosen = list(dict.fromkeys(frame for frame, _ in images))
    if len(chosen) != len(positions):
        raise CaptureError(f"{annotations.path}: {len(chosen)} numbers for {len(positions)} frames, expected each once")
    files = {
        key: (folder / name, [_mask_file(folder, each, name) for each in packaging.masks])
        for key, name in images.items()
    }
    size = image_size(next(iter(files.values()))[0])
    for image, masks in files.values():
        for path in (image, *masks):
            check_size(path, *size)
    vertex_files = {frame: _vertex_file(folder, frame) for frame in chosen}
    frame_boxes = tuple(_box_of_vertices(path, to_scene) for path in vertex_files.values())
    bounds = _union(frame_boxes) if box is None else as_box(box, "box")

    def read(frame: int, camera: int) -> Rgba:
        image, masks = files[frame, camera]
        foreground = np.any(
            [meant(read_rgb(path, *size)) for path, meant in zip(masks, packaging.masks.values(), strict=True)], axis=0
        )
        rgba = np.concatenate([read_rgb(image, *size) / np.float32(255), foreground[..., None]], axis=-1)
        rgba = undistort_whole(rgba.astype(np.float32), calibration[camera].lens)
        rgba[..., 3] = rgba[..., 3] >= 0.5
        return rgba.clip(0, 1)

    settings = {
        "format": packaging.format,
        "masks": list(packaging.masks),
        "frames": chosen,
        "splits": splits,
        "downscale": downscale,
        "transform": to_scene.tolist(),
        "box": (bounds.minimum, bounds.maximum),
        "range": (near, far),
        "background": colour,
    }
    contents = [path for image, masks in files.values() for path in (image, *masks)]
    digest = fingerprint(settings, [annotations.path, *vertex_files.values(), *contents])
    rig = Rig({number: calibration[number].camera for number in numbers}, splits, size)
    video = rig.video(scene, chosen, read, downscale, bounds, near, far, colour, digest, _mean_colour_nearest_alpha)
    return replace(video, frame_boxes=frame_boxes)


def _mean_colour_nearest_alpha(rgba: Rgba, factor: int) -> Rgba:
    """Of blocks of `factor`×`factor` pixels, the mean colour, mask or not, and the top left pixel's alpha."""
    height, width = rgba.shape[0] // factor * factor, rgba.shape[1] // factor * factor
    reduced = block_means(rgba, factor)
    reduced[..., 3] = rgba[:height:factor, :width:factor, 3]
    return reduced


@dataclass(frozen=True)
class _Calibrated:
    """A camera, and the lens whose distortion its images have."""

    camera: Camera
    lens: Lens

    def in_scene(self, to_scene: Float[Tensor, "4 4"]) -> "_Calibrated":
        """The camera in the scene's world: world-to-camera · inv(transform), the other way round."""
        return replace(self, camera=replace(self.camera, camera_to_world=to_scene @ self.camera.camera_to_world))


@dataclass(frozen=True)
class _Annotations:
    """The cameras of `annots.npy` that count, and by frame the names of their images."""

    path: Path
    cameras: list[_Calibrated]
    frames: list[list[str]]


def _read_annotations(path: Path, most_cameras: int) -> _Annotations:
    document = _as_dict(read_pickled_npy(path), path, "")
    cams = _as_dict(required(document, "cams", path), path, ", cams")
    lists = {key: _as_list(required(cams, key, path), f"{path}, cams, {key}") for key in ("K", "D", "R", "T")}
    count = len(lists["K"])
    for key, values in lists.items():
        if len(values) != count:
            raise CaptureError(f"{path}, cams, {key}: {len(values)} cameras, expected {count} as in K")
    cameras = [
        _read_camera({key: values[camera] for key, values in lists.items()}, f"{path}, camera {camera}")
        for camera in range(min(count, most_cameras))
    ]
    frames = []
    for position, entry in enumerate(_as_list(required(document, "ims", path), f"{path}, ims")):
        where = f"{path}, ims[{position}]"
        names = _as_list(required(_as_dict(entry, path, f", ims[{position}]"), "ims", path), where)
        if len(names) < len(cameras):
            raise CaptureError(f"{where}: {len(names)} images, expected one for each of {len(cameras)} cameras")
        frames.append([_as_name(name, where) for name in names[: len(cameras)]])
    return _Annotations(path, cameras, frames)


def _read_camera(entry: Mapping[str, object], where: str) -> _Calibrated:
    """`K`, `D` (k1 k2 p1 p2 and perhaps k3), and world-to-camera `R` and `T` (mm)."""
    fx, fy, cx, cy = as_intrinsics(entry["K"], f"{where}, K")
    coefficients = _vector(entry["D"], (4, 5), f"{where}, D")
    rotation, translation = _vector(entry["R"], (9,), f"{where}, R"), _vector(entry["T"], (3,), f"{where}, T")
    rows = [[*rotation[3 * row : 3 * row + 3], translation[row] / 1000] for row in range(3)]
    world_to_camera = as_pose([*rows, [0.0, 0.0, 0.0, 1.0]], f"{where}, R and T")
    cx, cy = cx + 0.5, cy + 0.5
    k1, k2, p1, p2, k3 = (*coefficients, 0.0)[:5]
    return _Calibrated(
        Camera((fx, fy, cx, cy), torch.linalg.inv(world_to_camera)),
        Lens(fx, fy, cx, cy, k1=k1, k2=k2, k3=k3, p1=p1, p2=p2),
    )


def _used_cameras(available: int, unused: Sequence[int], test_cameras: Sequence[int] | None, where: Path) -> list[int]:
    for camera in unused:
        if camera not in range(available):
            raise CaptureError(f"unused_cameras: {where} has no camera {camera!r}; it has 0 to {available - 1}")
        if camera in (test_cameras or ()):
            raise CaptureError(f"unused_cameras: {camera} is among test_cameras, expected others")
    return [camera for camera in range(available) if camera not in unused]


def _images(
    annotations: _Annotations, positions: Sequence[int], cameras: Sequence[int]
) -> dict[tuple[int, int], PurePosixPath]:
    """Names by frame number and camera."""
    images = {}
    for position in positions:
        names = {camera: PurePosixPath(annotations.frames[position][camera]) for camera in cameras}
        first = names[cameras[0]]
        for camera, name in names.items():
            if not name.stem.isdecimal() or int(name.stem) != int(first.stem):
                raise CaptureError(
                    f"{annotations.path}, ims[{position}]: {str(name)!r}, expected the number of a frame for its name, "
                    f"the same for all cameras (camera {cameras[0]} has {str(first)!r})"
                )
            images[int(name.stem), camera] = name
    return images


def _mask_file(folder: Path, masks: str, image: PurePosixPath) -> Path:
    """The mask of `images/...`, in `masks/...`: of the same name, or PNG."""
    same = folder.joinpath(masks, *image.parts[1:])
    return same if same.is_file() else same.with_suffix(".png")


def _vertex_file(folder: Path, frame: int) -> Path:
    short, padded = (folder / "vertices" / f"{name}.npy" for name in (f"{frame}", f"{frame:06d}"))
    return short if short.is_file() else padded


def _box_of_vertices(path: Path, to_scene: Float[Tensor, "4 4"]) -> Box:
    vertices = read_npy(path)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or vertices.dtype.kind not in "fiu":
        raise CaptureError(f"{path}: {vertices.dtype} of shape {vertices.shape}, expected N×3 numbers")
    if len(vertices) == 0 or not np.isfinite(vertices).all():
        raise CaptureError(f"{path}: {len(vertices)} vertices, expected at least one, and finite numbers")
    points = torch.from_numpy(vertices.astype(np.float64)) @ to_scene[:3, :3].T + to_scene[:3, 3]
    low, high = points.amin(dim=0), points.amax(dim=0)
    as_box((low.tolist(), high.tolist()), f"{path}, the box around the vertices")
    return Box.from_tensors(low - PADDING, high + PADDING)


def _union(boxes: Sequence[Box]) -> Box:
    low, high = (
        torch.tensor([getattr(box, corner) for box in boxes], dtype=torch.float64) for corner in ("minimum", "maximum")
    )
    return Box.from_tensors(low.amin(dim=0), high.amax(dim=0))


def _as_transform(value: Sequence[Sequence[float]] | None) -> Float[Tensor, "4 4"]:
    if value is None:
        return torch.eye(4, dtype=torch.float64)
    rows = value if isinstance(value, Sequence) else ()
    return as_pose([list(row) if isinstance(row, Sequence) else row for row in rows], "transform")


def _as_name(value: object, where: str) -> str:
    """A path below `images/`."""
    if not isinstance(value, str) or PurePosixPath(value).parts[:1] != ("images",) or ".." in value:
        raise CaptureError(f"{where}: {value!r}, expected the name of a file in images/")
    return value


def _vector(value: object, lengths: Sequence[int], where: str) -> list[float]:
    """The numbers of a vector, written as a row or a column, or of a matrix row by row."""
    rows = value if isinstance(value, list) else [value]
    numbers = [as_number(entry, where) for row in rows for entry in (row if isinstance(row, list) else [row])]
    if len(numbers) not in lengths:
        raise CaptureError(f"{where}: {len(numbers)} numbers, expected {' or '.join(map(str, lengths))}")
    return numbers


def _as_dict(value: object, path: Path, key: str) -> dict:
    if not isinstance(value, dict):
        raise CaptureError(f"{path}{key}: a {type(value).__name__}, expected a dictionary")
    return value


def _as_list(value: object, where: str) -> list[object]:
    if not isinstance(value, list) or not value:
        raise CaptureError(f"{where}: {'nothing' if value == [] else f'a {type(value).__name__}'}, expected a list")
    return value
