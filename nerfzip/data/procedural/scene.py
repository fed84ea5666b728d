"""The embedded scene as a `Scene`: analytic, ray-traced, made in seconds at first use, then cached."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from nerfzip.data.procedural.cache import cached_image, default_folder
from nerfzip.data.procedural.cameras import hemisphere, orbit
from nerfzip.data.procedural.orrery import orrery
from nerfzip.data.procedural.parts import bounding_box, pack
from nerfzip.data.procedural.tracing import GENERATOR_VERSION, trace_image
from nerfzip.data.scene import Scene, Views
from nerfzip.errors import ConfigError
from nerfzip.geometry import Box, Cameras

BOX_MARGIN = 0.03
"""Free space on each side of the scene's box, as a share of its size."""
NEAR, FAR = 2.0, 6.0
WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Settings:
    """What the images depend on, beside the time.

    Attributes:
        resolution: width and height of the images in pixels.
        views, test_views: how many there are.
        seed: of the training cameras.
        samples: rays a pixel, along x and along y.
    """

    resolution: int
    views: int
    test_views: int
    seed: int
    samples: int

    def __post_init__(self) -> None:
        for setting in fields(self):
            check_whole(setting.name, getattr(self, setting.name), 0 if setting.name == "seed" else 1)

    def cameras(self) -> dict[str, Cameras]:
        """By split."""
        train = hemisphere(self.views, self.resolution, self.seed)
        return {"train": train, "test": orbit(self.test_views, self.resolution)}


def check_whole(name: str, value: object, least: int) -> None:
    """Raise ConfigError unless the value is a whole number that is not too small."""
    if not isinstance(value, int) or value < least:
        raise ConfigError(f"{name}: {value!r}, expected a whole number of at least {least}")


def digest(**values: object) -> str:
    """SHA-256, in hex, of the generator's version and of some settings."""
    return hashlib.sha256(json.dumps({"version": GENERATOR_VERSION, **values}, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class _TracedImages:
    """Reads the images of one split, from the cache where they are there."""

    cameras: Cameras
    samples: int
    time: float
    folder: Path
    split: str

    @cached_property
    def _parts(self) -> np.ndarray:
        return pack(orrery(self.time))

    def __call__(self, index: int) -> Float[np.ndarray, "height width 4"]:
        path = self.folder / f"{self.split}-{index:04d}.png"
        image = cached_image(path, lambda: trace_image(self._parts, self.cameras, index, self.samples))
        return image.astype(np.float32) / 255


def scene_at(
    time: float, settings: Settings, cameras: dict[str, Cameras], box: Box, fingerprint: str, cache: Path
) -> Scene:
    """The scene at a time in [0, 1], seen by the given cameras."""
    folder = cache / digest(**asdict(settings), time=time)[:16]
    splits = {}
    for split, split_cameras in cameras.items():
        names = tuple(f"{split}-{index:04d}" for index in range(len(split_cameras)))
        images = _TracedImages(split_cameras, settings.samples, time, folder, split)
        splits[split] = Views(split_cameras, names, images)
    return Scene("procedural", splits, box, NEAR, FAR, WHITE, fingerprint)


def load_procedural(
    resolution: int = 200,
    views: int = 60,
    test_views: int = 12,
    seed: int = 0,
    samples: int = 3,
    cache: Path | str | None = None,
) -> Scene:
    """The embedded scene: an orrery with fine texture, thin parts and view-dependent highlights.

    The cameras stand where Synthetic-NeRF's do: those for training at random on the upper hemisphere, those for testing
    on a smooth orbit. The same arguments give the same bits, with any number of threads. Views are traced when they are
    first read (about 0.1 s each at 200×200 on one core) and read from the cache from then on.

    Args:
        resolution: width and height of the images in pixels.
        views, test_views: number of views in the two splits.
        seed: of the training cameras.
        samples: a pixel is the mean of `samples`² rays, of which alpha is the share that hits something.
        cache: the folder for rendered views; `nerfzip/procedural` in the user's cache by default.

    Raises:
        ConfigError: a setting is not a whole number, or too small.
    """
    settings = Settings(resolution, views, test_views, seed, samples)
    box = bounding_box(orrery(0.0), BOX_MARGIN)
    folder = default_folder() if cache is None else Path(cache)
    return scene_at(0.0, settings, settings.cameras(), box, digest(**asdict(settings)), folder)
