"""From points to tasks, each a file that any machine with the same folders and the same nerfzip can work from."""

import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nerfzip.benchmark.launch_settings import LaunchSettings
from nerfzip.benchmark.plan import Point, fit_file
from nerfzip.config import JobConfig
from nerfzip.files import write_atomically

FILE = "task.json"
_BEGUN = "begun"
"""The name of the folder of the point that the task's process began last; in the task's folder."""
_ENVIRONMENT = ("NERFZIP_CONF", "PYTHONPATH")
"""A cluster's workers may have been started without these."""


@dataclass(frozen=True)
class TaskPoint:
    """A point of a task.

    Attributes:
        folder: its name; a worker that comes to another one has other code, libraries or data.
        failed_before: when it failed before the sweep, which is no reason to leave it alone; "" if it did not.
        config: the fields of its JobConfig.
    """

    folder: str
    failed_before: str
    config: dict[str, Any]

    def job(self) -> JobConfig:
        cache = self.config["cache"]
        folders = {"out": Path(self.config["out"]), "cache": None if cache is None else Path(cache)}
        return JobConfig(**{**self.config, **folders})


@dataclass(frozen=True)
class Task:
    """What one task does.

    Attributes:
        out: the folder of results, absolute.
        directory: where the sweep was started: relative names of captures count from there.
        environment: variables that its process gets.
        threads: of its process; None leaves them as they are.
    """

    out: str
    directory: str
    environment: dict[str, str]
    threads: int | None
    points: list[TaskPoint]


def rounds(points: list[Point], settings: LaunchSettings) -> list[list[list[Point]]]:
    """The tasks of each launch, one launch after the other. No two tasks of a launch wait for one fit for long.

    With `points_per_task`, the first launch makes the missing fits; the second does all other points.
    """
    if settings.points_per_task is None:
        return [_at_most(settings.tasks, list(_by_fit(points).values()))]
    first = [group[0] for file, group in _by_fit(points).items() if not file.exists()]
    chosen = {point.folder for point in first}
    rest = [point for point in points if point.folder not in chosen]
    size = settings.points_per_task
    batches = [rest[start : start + size] for start in range(0, len(rest), size)]
    tasks = [_at_most(settings.tasks, batch) for batch in ([[point] for point in first], batches)]
    return [batch for batch in tasks if batch]


def write_task(folder: Path, points: list[Point], threads: int | None) -> None:
    """Write the file of a task into a folder, which is made."""
    directory = Path.cwd()
    task = Task(
        str(directory / points[0].config.out),
        str(directory),
        {name: _absolute(os.environ[name], directory) for name in _ENVIRONMENT if name in os.environ},
        threads,
        [_task_point(point, directory) for point in points],
    )
    write_atomically(folder / FILE, json.dumps(asdict(task), indent=1).encode())


def read_task(folder: Path) -> Task:
    content = json.loads((folder / FILE).read_bytes())
    return Task(**{**content, "points": [TaskPoint(**point) for point in content["points"]]})


def note_begun_point(folder: Path, point: str) -> None:
    """Leave in a task's folder which point is worked on; should the process die, it died of that one."""
    write_atomically(folder / _BEGUN, point.encode())


def begun_point(folder: Path) -> str | None:
    """The folder of the point that the process of a task began last; None if it began none."""
    file = folder / _BEGUN
    return file.read_text() if file.exists() else None


def forget_begun_point(folder: Path) -> None:
    (folder / _BEGUN).unlink(missing_ok=True)


def _task_point(point: Point, directory: Path) -> TaskPoint:
    cache = point.config.cache
    folders = {"out": str(directory / point.config.out), "cache": None if cache is None else str(directory / cache)}
    return TaskPoint(point.folder.name, point.stored.date, {**asdict(point.config), **folders})


def _absolute(folders: str, directory: Path) -> str:
    return os.pathsep.join(str(directory / folder) for folder in folders.split(os.pathsep) if folder)


def _by_fit(points: Iterable[Point]) -> dict[Path, list[Point]]:
    groups: dict[Path, list[Point]] = {}
    for point in points:
        groups.setdefault(fit_file(point), []).append(point)
    return groups


def _at_most(count: int | None, tasks: list[list[Point]]) -> list[list[Point]]:
    """So many tasks, which follow each other, put together to `count`, as even in number as can be."""
    if count is None or len(tasks) <= count:
        return tasks
    bounds = [len(tasks) * number // count for number in range(count + 1)]
    return [[point for task in tasks[a:b] for point in task] for a, b in itertools.pairwise(bounds)]
