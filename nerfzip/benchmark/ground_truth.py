"""A few test views of each scene, kept beside the points: a report shows them without the capture."""

import re
from pathlib import Path

FOLDER = "ground_truth"
"""In the folder of results; a folder for each scene in it. It is no point: none of `point_files` is in it."""

KEPT_VIEWS = 3


def kept_views(count: int) -> list[int]:
    """The views of `count` that are kept: the middle ones of `KEPT_VIEWS` equal parts, or all if they are fewer."""
    return sorted({(2 * part + 1) * count // (2 * KEPT_VIEWS) for part in range(KEPT_VIEWS)})


def ground_truth_folder(out: Path, fingerprint: str) -> Path:
    """Where the views of a scene lie in a folder of results, named as in a point's `images/`."""
    return out / FOLDER / re.sub(r"[^\w-]", "_", fingerprint)
