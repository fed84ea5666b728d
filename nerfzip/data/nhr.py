"""NHR: people and sport before 56 cameras (Wu et al. 2020), as MLP maps packages it (sheet `datasets`, section 10)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from nerfzip.data.checks import Corners
from nerfzip.data.easymocap import IsForeground, Packaging, load_easymocap
from nerfzip.data.scene import VolumetricScene
from nerfzip.errors import CaptureError

CAMERAS = 56
TEST_CAMERAS = (18, 28, 37, 46)
"""On which MLP maps is measured."""
UNUSED_CAMERAS = (0, 9)
"""Which it holds out and does not measure on."""
THRESHOLD = 100
"""Of a mask's first channel, above which it is foreground."""
PARSING_LABELS = 20


def load_nhr(
    root: str | Path,
    scene: str,
    frames: str = ":",
    downscale: int = 2,
    test_cameras: Sequence[int] = TEST_CAMERAS,
    unused_cameras: Sequence[int] = UNUSED_CAMERAS,
    parsing_labels: Sequence[int] = (),
    transform: Sequence[Sequence[float]] | None = None,
    box: Corners | None = None,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = (0.0, 0.0, 0.0),
) -> VolumetricScene:
    """Load `root/scene` with the masks in `mask/`: foreground is where the first channel is above 100 of 255.

    Args:
        parsing_labels: what `schp/` labels so is foreground too; the masks of *basketball* miss legs.

    The other arguments, what is returned and what is raised are those of `load_easymocap`.
    """
    masks: dict[str, IsForeground] = {"mask": lambda pixels: pixels[..., 0] > THRESHOLD}
    if parsing_labels:
        colours = [label_colour(label) for label in parsing_labels]
        masks["schp"] = lambda pixels: np.any([(pixels == colour).all(axis=-1) for colour in colours], axis=0)
    return load_easymocap(
        Packaging(f"nhr, labels {list(parsing_labels)}", CAMERAS, masks),
        root,
        scene,
        frames,
        downscale,
        test_cameras,
        unused_cameras,
        transform,
        box,
        near,
        far,
        background,
    )


def label_colour(label: int) -> UInt8[np.ndarray, "3"]:
    """The colour of a label of human parsing (LIP), by PASCAL VOC's rule: the lowest bits are the brightest.

    Raises:
        CaptureError: there is no such label; 0 is the background.
    """
    if not isinstance(label, int) or not 0 < label < PARSING_LABELS:
        raise CaptureError(f"parsing_labels: {label!r}, expected labels from 1 to {PARSING_LABELS - 1}")
    channels = [((label >> channel & 1) << 7) | ((label >> channel + 3 & 1) << 6) for channel in range(3)]
    return np.array(channels, dtype=np.uint8)
