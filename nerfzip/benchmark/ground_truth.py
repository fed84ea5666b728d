"""A few test views of each scene, kept beside the points: a report shows them without the capture."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # A report, which needs the names of files alone, would spend more time on importing torch than on anything else.
    from jaxtyping import UInt8
    from torch import Tensor

FOLDER = "ground_truth"
"""In the folder of results; a folder for each scene in it. It is no point: none of `point_files` is in it."""

KEPT_VIEWS = 3


def kept_views(count: int) -> list[int]:
    """The views of `count` that are kept: the middle ones of `KEPT_VIEWS` equal parts, or all if they are fewer."""
    return sorted({(2 * part + 1) * count // (2 * KEPT_VIEWS) for part in range(KEPT_VIEWS)})


def ground_truth_folder(out: Path, fingerprint: str) -> Path:
    """Where the views of a scene lie in a folder of results, each under its `truth_name`."""
    return out / FOLDER / re.sub(r"[^\w-]", "_", fingerprint)


def pixel_digest(pixels: "UInt8[Tensor, 'height width 3']") -> str:
    """Of the shape and the values of an image, 16 hex digits."""
    state = hashlib.sha256(str(tuple(pixels.shape)).encode())
    state.update(pixels.contiguous().numpy().data)
    return state.hexdigest()[:16]


def truth_name(image: dict[str, Any]) -> str:
    """The file name of the ground truth that an image of a row was measured against, for example "006-1f0c….png".

    It holds the digest of the pixels: what another loader made of the same capture is another file. Rows of earlier
    versions have no digest; their ground truth is named as the image is.
    """
    # The name alone: a row of somebody else's must not lead elsewhere.
    file = Path(image["file"])
    return Path(f"{file.stem}-{image['truth']}{file.suffix}" if "truth" in image else file).name
