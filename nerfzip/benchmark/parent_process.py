"""Processes that must not outlive the one that started them."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl."""


def end_with(parent: int) -> None:
    """Be killed when the parent process dies, however it dies; on other systems than Linux, only if it has already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before; then another process is our parent by now.
    if os.getppid() != parent:
        sys.exit(f"nerfzip: process {parent}, which started this one, has ended")
