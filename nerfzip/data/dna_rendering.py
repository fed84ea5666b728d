"""DNA-Rendering: people before 60 cameras, in `.smc` files (Cheng et al. 2023; sheet `datasets`, section 9)."""

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from nerfzip.data.checks import Corners, as_box, as_colour, as_intrinsics, as_number, as_pose, check_downscale
from nerfzip.data.fingerprint import fingerprint
from nerfzip.data.foreground_box import foreground_box
from nerfzip.data.images import Rgba, block_means, filter_premultiplied
from nerfzip.data.lens import Lens, undistort_whole
from nerfzip.data.scene import VolumetricScene
from nerfzip.data.smc_file import SmcFile, check_encoded_size, encoded_size
from nerfzip.data.video import Camera, Rig, chosen_frames, evenly_spaced, split_cameras
from nerfzip.data.views import Size
from nerfzip.data.visual_hull import FOREGROUND_ALPHA
from nerfzip.errors import CaptureError

CAMERAS = "Camera_5mp"
"""The group of the cameras that JointRF uses: those of 5 megapixels. Those of 12 have another image size."""
TEST_VIEWS = 2
"""As many as JointRF holds out; which ones is not published."""
BOX_CAMERAS = 16
"""How many training cameras carve for the default box, at most: masks of 5 megapixels take long to decode."""
BOX_DOWNSCALE = 4
"""By which their masks are reduced."""

log = logging.getLogger(__name__)


def load_dna_rendering(
    root: str | Path,
    scene: str,
    annotations: str | Path | None = None,
    frames: str = ":",
    downscale: int = 2,
    test_cameras: Sequence[int] | None = None,
    box: Corners | None = None,
    box_margin: float = 0.05,
    fewest_views: int = 8,
    misses: int = 1,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = (1.0, 1.0, 1.0),
) -> VolumetricScene:
    """Load the 5-megapixel cameras of `root/SCENE.smc`, with calibration and masks from the annotations' file.

    Lens distortion is undone, at the size and with the intrinsics of the file; what a photograph does not cover is
    transparent. The largest channel of a mask is alpha. The colour calibration is not applied.

    Args:
        annotations: the annotations' file; by default `root/SCENE_annots.smc`.
        frames: start:stop or start:stop:step, as a slice; ":" is all.
        downscale: integer factor by which images and masks are reduced (area filter).
        test_cameras: their numbers; by default two, evenly spaced in the order of numbers.
        box: minimum and maximum corner, world units. By default the box around the visual hulls of all chosen frames,
            carved from masks of up to 16 training cameras, with `box_margin`, a share of its size, on each side.
        fewest_views, misses: what belongs to a hull is seen by so many of those cameras, and is foreground in all of
            them but so many.
        near, far: distances along rays between which the scene lies, world units. By default the smallest distance of a
            camera from the box and the largest from one of its corners.
        background: RGB in [0, 1].

    Raises:
        CaptureError: a file is missing, damaged or inconsistent, or a setting is impossible.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder, expected the one that holds {scene}.smc")
    source = _Source(
        folder / f"{scene}.smc", folder / f"{scene}_annots.smc" if annotations is None else Path(annotations)
    )
    downscale, colour = check_downscale(downscale), as_colour(background, "background")
    numbers, available = source.cameras_and_frames()
    chosen = chosen_frames(frames, available, source.images)
    held_out = evenly_spaced(numbers, TEST_VIEWS) if test_cameras is None else test_cameras
    splits = split_cameras(numbers, held_out, source.images)
    calibration = source.calibration(numbers)
    size = source.size(numbers[0], chosen[0])
    rig = Rig({number: camera for number, (camera, _) in calibration.items()}, splits, size)
    lenses = {number: lens for number, (_, lens) in calibration.items()}
    content = fingerprint({}, [], source.checked_images(numbers, chosen, size))

    if box is None:
        train = splits["train"]
        carving = train if len(train) <= BOX_CAMERAS else evenly_spaced(train, BOX_CAMERAS)
        moments = (
            (f"{source.images}, frame {frame}", [source.small_mask(frame, each, lenses[each]) for each in carving])
            for frame in chosen
        )
        bounds = foreground_box(rig.of(carving, BOX_DOWNSCALE), moments, fewest_views, misses, box_margin)
        log.info("%s: the foreground lies in the box %s", source.images, bounds)
    else:
        bounds = as_box(box, "box")

    def read(frame: int, camera: int) -> Rgba:
        return source.rgba(frame, camera, lenses[camera])

    settings = {
        "format": "dna_rendering",
        "frames": list(chosen),
        "splits": splits,
        "cameras": [(number, str(lenses[number]), rig.cameras[number].camera_to_world.tolist()) for number in numbers],
        "content": content,
        "downscale": downscale,
        "box": (bounds.minimum, bounds.maximum),
        "range": (near, far),
        "background": colour,
    }
    return rig.video(scene, chosen, read, downscale, bounds, near, far, colour, fingerprint(settings, []))


@dataclass(frozen=True)
class _Source:
    """The two files of a capture; they are opened for each image, and hold nothing in memory."""

    images: Path
    annotations: Path

    def cameras_and_frames(self) -> tuple[list[int], int]:
        """The numbers of the cameras, and of how many frames the first of them has an image."""
        with SmcFile(self.images) as file:
            cameras = file.numbers(CAMERAS)
            if not cameras:
                raise CaptureError(f"{self.images}, {CAMERAS}: no cameras")
            return cameras, len(file.numbers(CAMERAS, cameras[0], "color"))

    def calibration(self, cameras: Sequence[int]) -> dict[int, tuple[Camera, Lens]]:
        with SmcFile(self.annotations) as file:
            return {camera: _read_camera(file, camera) for camera in cameras}

    def size(self, camera: int, frame: int) -> Size:
        with SmcFile(self.images) as file:
            return encoded_size(file.encoded(*_image_keys(camera, frame)), f"{self.images}, camera {camera}")

    def checked_images(self, cameras: Sequence[int], frames: Sequence[int], size: Size) -> Iterator[tuple[str, bytes]]:
        """Name and encoded bytes of every image and mask, after a look at its header."""
        with SmcFile(self.images) as images, SmcFile(self.annotations) as annotations:
            for camera, frame in itertools.product(cameras, frames):
                for file, keys in ((images, _image_keys(camera, frame)), (annotations, _mask_keys(camera, frame))):
                    data, where = file.encoded(*keys), file.where(*keys)
                    check_encoded_size(data, size, where)
                    yield "/".join(map(str, keys)), data

    def rgba(self, frame: int, camera: int, lens: Lens) -> Rgba:
        """Image and mask without the lens's distortion."""
        with SmcFile(self.images) as file:
            rgb = file.pixels(*_image_keys(camera, frame))
        rgba = np.concatenate([rgb, self._mask(frame, camera)], axis=-1).astype(np.float32) / 255
        return filter_premultiplied(rgba, lambda image: undistort_whole(image, lens))

    def small_mask(self, frame: int, camera: int, lens: Lens) -> Bool[np.ndarray, "height width"]:
        """The undistorted mask, reduced by `BOX_DOWNSCALE`."""
        reduced = block_means(self._mask(frame, camera).astype(np.float32) / 255, BOX_DOWNSCALE)
        return undistort_whole(reduced, lens.downscaled(BOX_DOWNSCALE))[..., 0] > FOREGROUND_ALPHA

    def _mask(self, frame: int, camera: int) -> UInt8[np.ndarray, "height width 1"]:
        with SmcFile(self.annotations) as file:
            return file.pixels(*_mask_keys(camera, frame)).max(axis=-1, keepdims=True)


def _image_keys(camera: int, frame: int) -> tuple[str | int, ...]:
    return CAMERAS, camera, "color", frame


def _mask_keys(camera: int, frame: int) -> tuple[str | int, ...]:
    return "Mask", camera, "mask", frame


def _read_camera(file: SmcFile, camera: int) -> tuple[Camera, Lens]:
    """`K`, `RT` (camera-to-world) and `D` (k1 k2 p1 p2 k3) of one camera."""
    keys = ("Camera_Parameter", camera)
    intrinsics = as_intrinsics(file.array(*keys, "K").tolist(), file.where(*keys, "K"))
    pose = as_pose(file.array(*keys, "RT").tolist(), file.where(*keys, "RT"))
    distortion, where = file.array(*keys, "D").ravel().tolist(), file.where(*keys, "D")
    if len(distortion) != 5:
        raise CaptureError(f"{where}: {len(distortion)} numbers, expected the five k1 k2 p1 p2 k3")
    k1, k2, p1, p2, k3 = (as_number(coefficient, where) for coefficient in distortion)
    fx, fy, cx, cy = intrinsics
    return Camera(intrinsics, pose), Lens(fx, fy, cx, cy, k1=k1, k2=k2, k3=k3, p1=p1, p2=p2)
