"""What a launcher's worker does: it starts a process for the points of its task, and says what became of them.

The process is a fresh one, so a point that is killed (for its memory, for example) does not take the launcher's worker
with it, and the number of threads is set before any library reads it.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from nerfzip.benchmark.job import lock_point
from nerfzip.benchmark.launch_tasks import Task, TaskPoint, begun_point, forget_begun_point, read_task
from nerfzip.benchmark.own_device import devices_to_share, own_device
from nerfzip.benchmark.store import State, stored_point

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def do_task(config: Any) -> dict[str, str]:
    """Do the points of the task in the folder `config.task`, as far as they are not done.

    When the process dies, the point that it was working on is left unfinished, and another one goes on with the rest.

    Returns:
        Why points are neither done nor failed, by the names of their folders.
    """
    folder = Path(config.task)
    task = read_task(folder)
    reasons: dict[str, str] = {}
    while waiting := [point for point in task.points if point.folder not in reasons and not _is_over(task, point)]:
        on_cuda = any(point.config["device"] == "cuda" for point in waiting)
        with own_device(devices_to_share() if on_cuda else []) as variables:
            ended = _run(task, folder, waiting, variables)
        begun = begun_point(folder)
        if begun is not None:
            # Its decoder may have outlived the process.
            with lock_point(Path(task.out) / begun):
                pass
        over = {point.folder for point in waiting if _is_over(task, point)}
        lost = {point.folder for point in waiting if point.folder == begun} - over
        # It can't begin with any point, or ended well and left them: another process would do no better.
        if not lost and not over:
            lost = {point.folder for point in waiting}
        reasons |= dict.fromkeys(lost, ended)
    return reasons


def _is_over(task: Task, point: TaskPoint) -> bool:
    now = stored_point(Path(task.out) / point.folder)
    return now.state == State.DONE or (now.state == State.FAILED and now.date != point.failed_before)


def _run(task: Task, folder: Path, points: list[TaskPoint], more: dict[str, str]) -> str:
    """Do the points in a process, with more environment variables; what is to be said of those that it left."""
    variables = os.environ | task.environment | more
    # A launcher may have said it already, and Ray and Slurm know best what they gave.
    threads = task.threads or os.environ.get(THREADS[0])
    if threads is not None:
        variables = {name: str(threads) for name in THREADS} | variables
    command = [sys.executable, "-m", "nerfzip.benchmark.launch_process", str(folder)]
    command += [point.folder for point in points]
    forget_begun_point(folder)
    log = folder / "log.txt"
    with log.open("a") as file:
        # Nothing is ever written to its standard input: its end tells that this process has died.
        # A process group of its own: the signals by which Slurm announces the time limit are for this process.
        process = subprocess.Popen(
            command,
            cwd=task.directory,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            status = process.wait()
        finally:
            process.kill()
    last_words = log.read_text(errors="replace").strip().rpartition("\n")[2]
    return f"its process ended with status {status} ({log}: {last_words})"
