"""Peak memory of this process.

On Linux read from /proc: `getrusage` would also count what the parent held when it started this process.
"""

import contextlib
import resource
import sys
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak_memory() -> None:
    """Start measuring anew, where the system allows it."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> int:
    """Largest resident memory in bytes since the process started or `reset_peak_memory`."""
    if _STATUS.is_file():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_device_memory() -> int:
    """Largest memory in bytes that tensors took on the CUDA device; 0 without one."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
