"""ZJU-MoCap: people before 21 cameras (Peng et al. 2021), as MLP maps packages it (sheet `datasets`, section 11)."""

from collections.abc import Sequence
from pathlib import Path

from nerfzip.data.checks import Corners
from nerfzip.data.easymocap import Packaging, load_easymocap
from nerfzip.data.scene import VolumetricScene

CAMERAS = 21


def load_zju_mocap(
    root: str | Path,
    scene: str,
    frames: str = ":",
    downscale: int = 2,
    test_cameras: Sequence[int] | None = None,
    unused_cameras: Sequence[int] = (),
    masks: str = "schp",
    transform: Sequence[Sequence[float]] | None = None,
    box: Corners | None = None,
    near: float | None = None,
    far: float | None = None,
    background: Sequence[float] = (0.0, 0.0, 0.0),
) -> VolumetricScene:
    """Load `root/scene`; even cameras train and odd ones test. Whatever is not black in a mask is foreground.

    Args:
        masks: their folder: `schp`, labels of human parsing, or for example `mask`.

    The other arguments, what is returned and what is raised are those of `load_easymocap`.
    """
    return load_easymocap(
        Packaging("zju_mocap", CAMERAS, {masks: lambda pixels: pixels.any(axis=-1)}),
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
