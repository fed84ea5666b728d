"""What a result was made with, for its row: libraries, commit, processor."""

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import torch

import nerfzip

LIBRARIES = (
    "nerfzip",
    "torch",
    "torchvision",
    "numpy",
    "numba",
    "triton",
    "pillow",
    "nerfacc",
    "constriction",
    "compressai",
    "hydra-core",
    "scikit-image",
    "lpips",
)

COMPUTING_LIBRARIES = ("torch", "numpy", "numba")
"""Another version of these may give another result."""


def library_versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


def computing_versions() -> dict[str, str]:
    """Of what computes: part of the names of fits and points."""
    return {name: _version(name) for name in COMPUTING_LIBRARIES}


def commit() -> str | None:
    """The git commit of the checkout, with "-dirty" when files were changed; None for an installed package."""
    root = Path(nerfzip.__file__).parents[1]
    if not (root / ".git").exists():
        return None
    try:
        # Without optional locks: somebody may be committing at this moment.
        git = ["git", "--no-optional-locks", "-C", str(root)]
        command = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def device_description(device: str) -> str:
    """For example "cuda: NVIDIA H200" or "cpu: AMD EPYC 9454 (2 of 4 cores)"."""
    if device.startswith("cuda"):
        return f"{device}: {torch.cuda.get_device_name(device)}"
    return f"cpu: {_processor()} ({torch.get_num_threads()} of {os.cpu_count()} cores)"


# Cached: what is installed while a sweep runs does not change what this process has loaded.
@cache
def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
