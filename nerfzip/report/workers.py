"""The processes that compute differences, draw and make pictures for a report."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

MOST_WORKERS = 8
"""More would not be worth their start, of a second."""


@contextmanager
def workers() -> Iterator[Executor]:
    """Processes that start at once: what they import takes as long as reading thousands of rows.

    Forked before these are read, they share no memory with them, which would have to be copied page by page.
    """
    count = min(MOST_WORKERS, os.cpu_count() or 1)
    with ProcessPoolExecutor(count, multiprocessing.get_context("fork"), _start) as pool:
        pool.submit(os.getpid)  # The first task starts them all.
        yield pool


def _start() -> None:
    # Ctrl-C is for the report's own process alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import bjontegaard  # noqa: F401 - imports matplotlib too
