"""The points of a plan, handed out by one of Hydra's launchers."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher

from nerfzip.benchmark.launch_task import do_task
from nerfzip.benchmark.launch_tasks import rounds, write_task
from nerfzip.benchmark.launchers import LauncherChoice
from nerfzip.benchmark.plan import Point
from nerfzip.benchmark.repeated import every
from nerfzip.benchmark.store import State, StoredPoint, stored_point
from nerfzip.benchmark.sweep import Show, run_points
from nerfzip.errors import NerfzipError

_log = logging.getLogger(__name__)
FOLDER = "launcher"
"""In the folder of results: a folder for each start, in it one for each task, and what the launcher writes."""


def launch_points(choice: LauncherChoice, points: list[Point], retry_failed: bool, show: Show) -> list[StoredPoint]:
    """As `run_points`, with the tasks of a launcher.

    Returns:
        How far each point is at the end: done, failed, or else unfinished or to do with a reason.
    """
    reasons: dict[str, str] = {}
    to_do = points_to_launch(points, retry_failed)
    if to_do:
        out = Path.cwd() / to_do[0].config.out
        launcher = choice.start(_new_folder(out / FOLDER), do_task)
        with _watched(points, to_do, show, choice.settings.poll_seconds):
            reasons = _Launch(choice, launcher).run(to_do)
    # Those that were done may need another label.
    done = [(number, point) for number, point in enumerate(points) if point.stored.state == State.DONE]
    run_points([point for _, point in done], False, lambda number, now: show(done[number][0], now))
    return [_result(point, reasons) for point in points]


def points_to_launch(points: list[Point], retry_failed: bool) -> list[Point]:
    """All that are not done, without those that failed before unless they are wanted again."""
    left_alone = {State.DONE} if retry_failed else {State.DONE, State.FAILED}
    return [point for point in points if point.stored.state not in left_alone]


class _Launch:
    def __init__(self, choice: LauncherChoice, launcher: Launcher) -> None:
        self.choice = choice
        self.launcher = launcher
        self.folder = Path(str(launcher.config.hydra.sweep.dir))  # type: ignore[attr-defined]
        self.tasks = 0
        self.reasons: dict[str, str] = {}

    def run(self, points: list[Point]) -> dict[str, str]:
        """Launch until all points are over or nothing changes any more; why some are not, by their folders' names."""
        while points:
            error = self._launch(points)
            left = [point for point in points if not _is_over(point) and point.folder.name not in self.reasons]
            if error is None or not left:
                break
            stuck = len(left) == len(points)
            if stuck or not self.choice.settings.again:
                self.reasons |= {point.folder.name: error for point in left}
                break
            _log.warning("%s gave up: %s; launching again what is left", self.choice.name, error)
            # What was begun may be what the launcher can't bear: everything else goes first.
            points = sorted(left, key=lambda point: stored_point(point.folder).state == State.UNFINISHED)
        return self.reasons

    def _launch(self, points: list[Point]) -> str | None:
        """Do the points in rounds of tasks; why the launcher gave up, if it did."""
        settings = self.choice.settings
        for tasks in rounds(points, settings):
            words = []
            for number, task in enumerate(tasks, self.tasks):
                folder = self.folder / str(number)
                write_task(folder, task, settings.threads_per_task())
                words.append([f"+launcher={self.choice.name}", f"task={_quoted(folder)}"])
            _log.info(
                "%d %s for %s; logs in %s",
                len(tasks),
                "task" if len(tasks) == 1 else "tasks",
                self.choice.name,
                self.folder,
            )
            first, self.tasks = self.tasks, self.tasks + len(tasks)
            try:
                returned = self.launcher.launch(words, first)
            # A launcher raises what it likes when a worker dies.
            except Exception as error:
                self._wait_for_the_others(points)
                return " ".join(f"{type(error).__name__}: {error}".split())
            for job in returned:
                self.reasons |= _return_value(job)
        return None

    def _wait_for_the_others(self, points: list[Point]) -> None:
        """Launchers give up when one task is lost; the others may be queued or running still."""
        if self.choice.settings.slurm:
            _wait_for_slurm(str(self.launcher.params["submitit_folder"]))  # type: ignore[attr-defined]
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < self.choice.settings.quiet_seconds:
            time.sleep(min(self.choice.settings.poll_seconds, self.choice.settings.quiet_seconds))
            if any(stored_point(point.folder).state == State.RUNNING for point in points if not _is_over(point)):
                quiet_since = time.monotonic()


def _wait_for_slurm(folder: str) -> None:
    import submitit

    for submitted in Path(folder.partition("%")[0]).rglob("*_submitted.pkl"):
        submitit.SlurmJob(folder, submitted.name.removesuffix("_submitted.pkl")).wait()


def _return_value(job: JobReturn) -> dict[str, str]:
    try:
        return job.return_value
    except Exception as error:
        _log.warning("a task failed: %r", error)
        return {}


def _result(point: Point, reasons: dict[str, str]) -> StoredPoint:
    now = stored_point(point.folder)
    if now.state in (State.DONE, State.FAILED):
        return now
    return replace(now, reason=reasons.get(point.folder.name) or now.reason or "its task ended before it was done")


def _is_over(point: Point) -> bool:
    now = stored_point(point.folder)
    return now.state == State.DONE or (now.state == State.FAILED and now != point.stored)


@contextmanager
def _watched(points: list[Point], launched: list[Point], show: Show, seconds: float) -> Iterator[None]:
    """Tell `show` in another thread what becomes of the launched points, by looking at their folders."""
    wanted = {point.folder for point in launched}
    last = {number: point.stored for number, point in enumerate(points) if point.folder in wanted}

    def look() -> None:
        for number, before in list(last.items()):
            now = stored_point(points[number].folder)
            if now == before:
                continue
            last[number] = now
            if now.state in (State.RUNNING, State.DONE, State.FAILED):
                show(number, now)
            if now.state in (State.DONE, State.FAILED):
                del last[number]

    with every(seconds, look):
        yield
    look()


def _new_folder(parent: Path) -> Path:
    folder = parent / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise NerfzipError(f"{folder}: can't be made: {error.strerror or error}") from error
    return folder


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
