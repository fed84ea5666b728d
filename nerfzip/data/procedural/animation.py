"""The embedded scene as a volumetric video: parts move, turn and appear before synchronised, static cameras."""

from dataclasses import asdict
from pathlib import Path

from nerfzip.data.procedural.cache import default_folder
from nerfzip.data.procedural.orrery import orrery
from nerfzip.data.procedural.parts import bounding_box
from nerfzip.data.procedural.scene import BOX_MARGIN, Settings, check_whole, digest, scene_at
from nerfzip.data.scene import VolumetricScene


def load_procedural_dynamic(
    frames: int = 30,
    resolution: int = 200,
    views: int = 60,
    test_views: int = 12,
    seed: int = 0,
    samples: int = 3,
    cache: Path | str | None = None,
) -> VolumetricScene:
    """The embedded scene in motion, at `frames` equally spaced times from 0 to 1.

    Frame 0 shows what `load_procedural` shows, in a box that holds all frames. The other arguments are its arguments;
    images are traced when they are first read.

    Raises:
        ConfigError: a setting is not a whole number, or too small.
    """
    settings = Settings(resolution, views, test_views, seed, samples)
    check_whole("frames", frames, 1)
    times = [frame / max(frames - 1, 1) for frame in range(frames)]
    box = bounding_box([part for time in times for part in orrery(time)], BOX_MARGIN)
    cameras = settings.cameras()
    folder = default_folder() if cache is None else Path(cache)
    return VolumetricScene(
        tuple(
            scene_at(time, settings, cameras, box, digest(**asdict(settings), frames=frames, time=time), folder)
            for time in times
        ),
        digest(**asdict(settings), frames=frames),
    )
