"""What `plan.json` says of the last sweep: quick to read, without the captures and methods that made the plan."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerfzip.errors import NerfzipError

FILE = "plan.json"
SCHEMA = 1


@dataclass(frozen=True)
class PlannedPoint:
    """A point as `plan.json` has it.

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


def read_plan(out: Path) -> list[PlannedPoint]:
    """The points of the sweep that was last started with this folder of results; none if none was.

    Raises:
        NerfzipError: the file is damaged, or of a later schema.
    """
    file = out / FILE
    if not file.exists():
        return []
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
        schema = content["schema"]
        if schema == SCHEMA:
            return [PlannedPoint(**point) for point in content["points"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NerfzipError(f"{file}: not the plan of a sweep: {error}") from error
    raise NerfzipError(f"{file}: a plan of schema {schema}, this version of nerfzip reads schema {SCHEMA}")
