"""Hashes of the source code that a result depends on."""

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hydra.utils import get_object

import nerfzip

FIT_ROOMS = ("kernels", "geometry", "data", "sampling", "fields", "rendering", "training", "on_device.py")
POINT_ROOMS = (*FIT_ROOMS, "quantization", "entropy", "bitstream", "metrics", "benchmark/quality.py")


def code_version(settings: dict[str, Any], rooms: tuple[str, ...]) -> str:
    """A hex digest of the Python files in rooms (or single files) of nerfzip and in the packages of all `_target_`s.

    Command line, the rest of benchmark, report and documentation are left out: a change there leaves results valid.
    """
    package = Path(nerfzip.__file__).parent
    folders = {f"nerfzip/{room}": package / room for room in rooms if (package / room).exists()}
    folders |= {target: _source(target) for target in _targets(settings)}
    digests = "".join(f"{name} {_digest(folder)}\n" for name, folder in sorted(folders.items()))
    return hashlib.sha256(digests.encode()).hexdigest()


# Cached: a file that is edited while a sweep runs does not change what this process has loaded.
@cache
def _digest(folder: Path) -> str:
    state = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
        state.update(f"{file.relative_to(folder)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return state.hexdigest()


def _targets(settings: Any) -> Iterator[str]:
    if isinstance(settings, dict):
        if isinstance(settings.get("_target_"), str):
            yield settings["_target_"]
        for value in settings.values():
            yield from _targets(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _targets(value)


def _source(target: str) -> Path:
    """The folder of the package that defines the target, or its file if it is in no package."""
    module = sys.modules[get_object(target).__module__]
    file = Path(str(module.__file__))
    return file.parent if module.__package__ else file
