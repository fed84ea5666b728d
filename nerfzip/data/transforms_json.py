"""The `transforms*.json` that Synthetic-NeRF introduced and instant-ngp extended."""

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from nerfzip.data.checks import as_intrinsics, as_pose, as_positive
from nerfzip.data.json_file import read_json, required
from nerfzip.errors import CaptureError
from nerfzip.geometry import OPENGL_TO_OPENCV

INTRINSIC_MATRIX = "intrinsic_matrix"
"""Of a frame, as renders of Google Scanned Objects have it."""
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Frame:
    """One entry of `frames`.

    Attributes:
        name: its `file_path` as it stands.
        path: the image file; ".png" is appended where the entry names no image format.
        camera_to_world: OpenCV axes, converted from the file's OpenGL axes.
        own: the whole entry.
    """

    name: str
    path: Path
    camera_to_world: Float[Tensor, "4 4"]
    own: dict[str, object]


@dataclass(frozen=True)
class Transforms:
    """What one file holds: `header`, every key but `frames`, and the frames in its order (at least one)."""

    path: Path
    header: dict[str, object]
    frames: tuple[Frame, ...]

    def positive(self, key: str) -> float:
        """A number that must be there and above zero."""
        return as_positive(required(self.header, key, self.path), f"{self.path}, {key}")

    def angle(self, key: str) -> float:
        """A field of view in radians, below half a turn."""
        angle = self.positive(key)
        if angle >= 3.1415:
            raise CaptureError(f"{self.path}, {key}: {angle:g}, expected an angle in radians below π")
        return angle


def own_intrinsics(path: Path, frame: Frame) -> tuple[float, float, float, float]:
    """fx, fy, cx and cy of the frame's own matrix, pixels.

    Raises:
        CaptureError: it has none, or an impossible one.
    """
    if INTRINSIC_MATRIX not in frame.own:
        raise CaptureError(f"{path}, frame {frame.name}: the key {INTRINSIC_MATRIX!r} is missing")
    return as_intrinsics(frame.own[INTRINSIC_MATRIX], f"{path}, frame {frame.name}, {INTRINSIC_MATRIX}")


def read_transforms(path: Path) -> Transforms:
    """Read and check a file; image files are not touched.

    Raises:
        CaptureError: the file is missing or no JSON; a key is missing or of the wrong kind; there are no frames; a pose
            is not finite or not rigid.
    """
    document = read_json(path)
    entries = required(document, "frames", path)
    del document["frames"]
    if not isinstance(entries, list):
        raise CaptureError(f"{path}, frames: a JSON {type(entries).__name__}, expected a list")
    if not entries:
        raise CaptureError(f"{path}, frames: an empty list, expected at least one view")
    return Transforms(path, document, tuple(_frame(entry, path, index) for index, entry in enumerate(entries)))


def _frame(entry: object, path: Path, index: int) -> Frame:
    where = f"{path}, frames[{index}]"
    if not isinstance(entry, dict):
        raise CaptureError(f"{where}: {entry!r}, expected an object")
    for key in ("file_path", "transform_matrix"):
        if key not in entry:
            raise CaptureError(f"{where}: the key {key!r} is missing")
    name = entry["file_path"]
    if not isinstance(name, str) or not name:
        raise CaptureError(f"{where}.file_path: {name!r}, expected a file name")
    image = path.parent / (name if name.lower().endswith(IMAGE_SUFFIXES) else f"{name}.png")
    pose = as_pose(entry["transform_matrix"], f"{where}.transform_matrix ({name})")
    return Frame(name, image, pose @ OPENGL_TO_OPENCV.double(), entry)
