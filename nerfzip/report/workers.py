"""The processes that compute differences, draw and make pictures for a report."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from nerfzip.benchmark.parent_process import end_with
from nerfzip.errors import NerfzipError

MOST_WORKERS = 8
"""More would not be worth their start, of a second."""


@contextmanager
def workers(differences: bool) -> Iterator[Executor]:
    """Processes that start at once: what they import takes as long as reading thousands of rows.

    Forked before these are read, they share no memory with them, which would have to be copied page by page. They end
    with the block, whatever they are doing then.

    Args:
        differences: whether they will be asked for Bjøntegaard differences.

    Raises:
        NerfzipError: one of them died.
    """
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(min(MOST_WORKERS, _cores()), context, _start, (os.getpid(), differences))
    try:
        pool.submit(os.getpid)  # The first task starts them all.
        yield pool
        pool.shutdown()
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        if isinstance(error, BrokenProcessPool):
            raise NerfzipError("a process that drew for the report has died; is there too little memory?") from error
        raise


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(parent: int, differences: bool) -> None:
    # Ctrl-C is for the report's own process alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    import matplotlib.figure  # noqa: F401

    if differences:
        import bjontegaard  # noqa: F401
