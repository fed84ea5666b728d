"""Thousands of different objects, each a `Scene` with the cameras and the splits of Objaverse's renders."""

from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from nerfzip.data.objaverse import SOURCE, TRAIN
from nerfzip.data.procedural.cache import cached_image, default_folder
from nerfzip.data.procedural.cameras import looking_at_origin
from nerfzip.data.procedural.object_tracing import OBJECT_VERSION, trace_object
from nerfzip.data.procedural.random_objects import random_object
from nerfzip.data.procedural.scene import check_whole, digest
from nerfzip.data.scene import Scene, Views
from nerfzip.errors import ConfigError
from nerfzip.geometry import Box, Cameras

SPLITS = ("train", "val", "test")
"""Of objects. The same number stands for another object in each, so no object is in two."""
DISTANCE, FOCAL = 1.2, 280 / 256
"""Of the cameras from the origin, world units; and in widths of an image."""
NEAR, FAR = 0.5, 1.8
CUBE = Box((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5))
WHITE = (1.0, 1.0, 1.0)
STEP = 10
"""Degrees between a base view and those around it."""


@dataclass(frozen=True)
class Settings:
    """Of the images.

    Attributes:
        resolution: width and height in pixels.
        samples: rays a pixel, along x and along y.
    """

    resolution: int
    samples: int

    def __post_init__(self) -> None:
        for setting in fields(self):
            check_whole(setting.name, getattr(self, setting.name), 1)

    def cameras(self) -> Cameras:
        """The forty of One-2-3-45: two rings of four, at 30 and 0 degrees, and four cameras around each of these."""
        base = [(90 * k - 60, 30) for k in range(4)] + [(90 * k - 30, 0) for k in range(4)]
        angles = list(base)
        for azimuth, elevation in base:
            angles += [(azimuth, elevation + STEP), (azimuth, elevation - STEP)]
            angles += [(azimuth - STEP, elevation), (azimuth + STEP, elevation)]
        azimuths, elevations = np.radians(np.array(angles, dtype=np.float64)).T
        return looking_at_origin(azimuths, elevations, DISTANCE, FOCAL * self.resolution, self.resolution)


@dataclass(frozen=True)
class _Images:
    """Reads the images of one split of views, from the cache where they are there."""

    seed: tuple[int, int]
    settings: Settings
    cameras: Cameras
    indices: tuple[int, ...]
    folder: Path

    @cached_property
    def _solids(self) -> np.ndarray:
        return random_object(self.seed)

    def __call__(self, index: int) -> Float[np.ndarray, "height width 4"]:
        path = self.folder / f"{self.indices[index]:02d}.png"
        samples = self.settings.samples
        image = cached_image(path, lambda: trace_object(self._solids, self.cameras, index, samples))
        return image.astype(np.float32) / 255


def object_seed(split: str, number: int) -> tuple[int, int]:
    """Of `random_object`.

    Raises:
        ConfigError: there is no such split, or the number is negative.
    """
    if split not in SPLITS:
        raise ConfigError(f"split: {split!r}, expected {', '.join(SPLITS)}")
    check_whole("scene", number, 0)
    return SPLITS.index(split), number


def load_procedural_objects(
    scene: int = 0, split: str = "test", resolution: int = 128, samples: int = 2, cache: Path | str | None = None
) -> Scene:
    """A random object: joined and cut solids, with colours and textures, glossy or matt.

    The cameras are those of Objaverse's renders by One-2-3-45, and the views are split as CodecNeRF splits these. The
    same arguments give the same bits. Views are traced when they are first read, and read from the cache from then on.

    Args:
        scene: the object's number in its split; any number stands for an object.
        split: "train", "val" or "test", which share no object.
        resolution: width and height of the images in pixels.
        samples: a pixel is the mean of `samples`² rays, of which alpha is the share that hits something.
        cache: the folder for rendered views; `nerfzip/procedural` in the user's cache by default.

    Raises:
        ConfigError: a setting is not a whole number, or too small, or there is no such split.
    """
    settings, seed = Settings(resolution, samples), object_seed(split, scene)
    cameras = settings.cameras()
    fingerprint = digest(**asdict(settings), object=seed, object_version=OBJECT_VERSION)
    folder = (default_folder() if cache is None else Path(cache)) / fingerprint[:16]
    test = tuple(index for index in range(len(cameras)) if index not in {*SOURCE, *TRAIN})
    splits = {}
    for name, indices in {"train": TRAIN, "test": test, "source": SOURCE}.items():
        members = list(indices)
        own = Cameras(cameras.camera_to_world[members], cameras.intrinsics[members], resolution, resolution)
        names = tuple(f"view-{index:02d}" for index in indices)
        splits[name] = Views(own, names, _Images(seed, settings, own, tuple(indices), folder))
    return Scene(f"{split}-{scene}", splits, CUBE, NEAR, FAR, WHITE, fingerprint)
