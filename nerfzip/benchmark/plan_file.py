"""What the files of plans say: quick to read, without the captures and methods that made them."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nerfzip.errors import NerfzipError

FOLDER = "plans"
"""In the folder of results: a file for each sweep that was started there, named by its words."""
OLD_FILE = "plan.json"
"""Where older versions kept the plan of the last sweep."""
SCHEMA = 1


@dataclass(frozen=True)
class PlannedPoint:
    """A point as the file of a plan has it.

    Attributes:
        scene, folder: None if the capture can't be loaded; the folder is a name.
        reason: why it can't.
    """

    label: str
    method: str
    dataset: str
    scene: str | None
    rate: str
    seed: int
    folder: str | None
    reason: str = ""


def read_plans(out: Path) -> list[PlannedPoint]:
    """The points of all sweeps that were started with this folder of results, each once; none if none was.

    The last plan of a point counts, and the last plan of the same words.

    Raises:
        NerfzipError: a file is damaged, or of a later schema.
    """
    files = [file for file in [out / OLD_FILE, *sorted((out / FOLDER).glob("*.json"))] if file.exists()]
    plans = sorted((_read_plan(file) for file in files), key=lambda plan: plan[0])
    last = {words: points for _, words, points in plans}
    return list({point.folder or point: point for points in last.values() for point in points}.values())


def _read_plan(file: Path) -> tuple[datetime, tuple[str, ...], list[PlannedPoint]]:
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
        schema = content["schema"]
        if schema == SCHEMA:
            points = [PlannedPoint(**point) for point in content["points"]]
            return datetime.fromisoformat(content["date"]), tuple(content["words"]), points
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NerfzipError(f"{file}: not the plan of a sweep: {error}") from error
    raise NerfzipError(f"{file}: a plan of schema {schema}, this version of nerfzip reads schema {SCHEMA}")
