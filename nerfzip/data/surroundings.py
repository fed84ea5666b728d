"""What loaders of single scenes are told of them: how images are reduced, where the scene lies, and before what."""

from collections.abc import Sequence
from dataclasses import dataclass

from nerfzip.data.checks import Corners, as_box, as_colour, check_downscale, check_range
from nerfzip.geometry import Box, Colour


@dataclass(frozen=True)
class Surroundings:
    """Settings of a loader.

    Attributes:
        near, far: distances along rays between which the scene lies, world units.
        background: RGB in [0, 1].
    """

    downscale: int
    near: float
    far: float
    box: Box
    background: Colour

    @staticmethod
    def checked(downscale: int, near: float, far: float, box: Corners, background: Sequence[float]) -> "Surroundings":
        """Raise CaptureError for what is impossible."""
        downscale, (near, far) = check_downscale(downscale), check_range(near, far)
        return Surroundings(downscale, near, far, as_box(box, "box"), as_colour(background, "background"))

    def for_fingerprint(self) -> dict[str, object]:
        return {
            "downscale": self.downscale,
            "range": (self.near, self.far),
            "box": (self.box.minimum, self.box.maximum),
            "background": self.background,
        }
