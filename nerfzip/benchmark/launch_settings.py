"""Settings of `nerfzip sweep` with a launcher: how points become tasks, and what a task may use."""

import os
from dataclasses import dataclass

from nerfzip.errors import require_setting


@dataclass(frozen=True)
class LaunchSettings:
    """What `launch` in conf/launch.yaml says; each setting is explained there."""

    points_per_task: int | None
    tasks: int | None
    workers: int | None
    threads: float | None
    again: bool
    slurm: bool
    quiet_seconds: float
    poll_seconds: float

    def __post_init__(self) -> None:
        for name in ("points_per_task", "tasks", "threads"):
            value = getattr(self, name)
            require_setting(value is None or value > 0, f"launch.{name}", value, "a positive number or null")
        for name in ("quiet_seconds", "poll_seconds"):
            require_setting(getattr(self, name) > 0, f"launch.{name}", getattr(self, name), "a positive number")

    def threads_per_task(self) -> int | None:
        """Threads of each task; None leaves it to the machine that does the task."""
        if self.threads is not None:
            return max(int(self.threads), 1)
        if self.workers is None:
            return None
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # As joblib counts: -1 is all cores, -2 all but one.
        workers = self.workers if self.workers > 0 else cores + 1 + self.workers
        return max(cores // max(workers, 1), 1)
