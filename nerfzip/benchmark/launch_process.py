"""The process that does the points of a task: `python -m nerfzip.benchmark.launch_process FOLDER POINT...`."""

import logging
import os
import platform
import sys
import threading
from pathlib import Path

import torch

from nerfzip.benchmark.launch_tasks import Task, TaskPoint, note_begun_point, read_task
from nerfzip.benchmark.plan import make_plan, point_name
from nerfzip.benchmark.store import State, StoredPoint
from nerfzip.benchmark.sweep import run_points
from nerfzip.devices import check_present
from nerfzip.errors import NerfzipError


def main(words: list[str]) -> int:
    logger = logging.getLogger("nerfzip")
    logger.setLevel(logging.INFO)
    logger.handlers = [logging.StreamHandler(sys.stderr)]
    folder, *names = words
    devices = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    print(f"on {platform.node()}: {torch.get_num_threads()} threads, CUDA devices: {devices or 'none'}", flush=True)
    task = read_task(Path(folder))
    try:
        do_points(task, [point for point in task.points if point.folder in names], Path(folder))
    except NerfzipError as error:
        print(f"nerfzip: {error}", file=sys.stderr)
        return 2
    return 0


def do_points(task: Task, wanted: list[TaskPoint], folder: Path) -> None:
    """Do the points. Those that fail are recorded; which one is worked on is noted in the task's folder.

    Raises:
        NerfzipError: what is here does not lead to the same points, a capture can't be loaded, or the device is absent.
    """
    jobs = [point.job() for point in wanted]
    for device, kernels in {(job.device, job.kernels) for job in jobs}:
        check_present(device, kernels)
    plan = make_plan(jobs)
    for job in plan.unloadable:
        raise NerfzipError(job.reason)
    different = {point.folder.name for point in plan.points} - {point.folder for point in wanted}
    for name in sorted(different):
        raise NerfzipError(f"{name} would be made: code, libraries or captures are not those that the sweep began with")

    def show(number: int, now: StoredPoint) -> None:
        if now.state == State.RUNNING:
            note_begun_point(folder, now.folder.name)
        print(now.state, point_name(plan.points[number]), now.reason, flush=True)

    run_points(plan.points, True, show)


def _end_with_the_task() -> None:
    """Wait for the end of standard input, which the task's process holds open as long as it lives."""
    # Not by way of sys.stdin: its lock would be in the way when this process ends first.
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_task, daemon=True).start()
    sys.exit(main(sys.argv[1:]))
