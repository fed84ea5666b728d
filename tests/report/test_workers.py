"""The processes of a report end with it, however it ends, and when one of them dies that is one message."""

import multiprocessing
import os
import subprocess
import sys
import time

import psutil
import pytest

from nerfzip.errors import NerfzipError
from nerfzip.report.workers import workers


def test_they_work() -> None:
    with workers(differences=False) as pool:
        assert list(pool.map(abs, [-1, 2])) == [1, 2]
    assert not multiprocessing.active_children()


def test_one_that_dies_is_one_message() -> None:
    with pytest.raises(NerfzipError, match="a process that drew for the report has died"), workers(False) as pool:
        list(pool.map(os._exit, [1]))


def test_an_error_ends_them_whatever_they_do() -> None:
    children = []
    of_others = multiprocessing.active_children()
    with pytest.raises(KeyError), workers(False) as pool:
        pool.submit(time.sleep, 600)
        own = [process for process in multiprocessing.active_children() if process not in of_others]
        children = [psutil.Process(process.pid) for process in own]
        raise KeyError
    assert children
    assert not psutil.wait_procs(children, timeout=60)[1]


def test_they_end_with_a_killed_report() -> None:
    script = """
import multiprocessing, os, signal, time
from nerfzip.report.workers import workers
with workers(False) as pool:
    pool.submit(abs, 1).result()
    [pool.submit(time.sleep, 600) for _ in range(8)]
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    result = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False)
    pids = [int(word) for word in result.stdout.split()]
    assert pids
    children = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert not psutil.wait_procs(children, timeout=60)[1]
