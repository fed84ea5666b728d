"""Fitted models on disk, so that a sweep over rates fits once.

The files are read with pickle, as `torch.load` does for whole objects: keep the cache folder as private as your home.
"""

import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nerfzip.benchmark.code_version import FIT_ROOMS, code_version
from nerfzip.benchmark.environment import computing_versions
from nerfzip.benchmark.locks import exclusive
from nerfzip.config import JobConfig, input_digests
from nerfzip.data.scene import Capture
from nerfzip.errors import NerfzipError
from nerfzip.files import user_cache, write_atomically
from nerfzip.stopwatch import stopwatch

_log = logging.getLogger(__name__)
_DIGEST_BYTES = 32


@dataclass(frozen=True)
class Fit:
    """A fitted model; `seconds` is the time its fit took, whenever that was."""

    model: Any
    seconds: float
    from_cache: bool


def fit_key(config: JobConfig, scene: Capture) -> str:
    """A hex digest of all that the fit of a job depends on."""
    parts = {
        "settings": config.fit_settings,
        "inputs": input_digests(config.method_settings),
        "scene": scene.fingerprint,
        "seed": config.seed,
        "device": config.device,
        "kernels": config.kernels,
        "code": code_version(config.fit_settings, FIT_ROOMS),
        "libraries": computing_versions(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def cache_folder(config: JobConfig) -> Path:
    """Where the fits of a job are kept."""
    return config.cache or default_folder()


def default_folder() -> Path:
    return user_cache("fits")


def cached_fit(fit: Callable[[], Any], key: str, folder: Path) -> Fit:
    """The model of an earlier fit with this key, or else a new one, which is then kept.

    Every call gives a model of its own, so what one job does to it does not reach the next. Of several processes that
    ask for the same key at once, one fits and the others wait. A damaged file is noticed and fitted again.

    Raises:
        NerfzipError: the fit failed before within the same `each_fit_once`.
        Exception: whatever `fit` raises.
    """
    path = model_file(folder, key)
    failed = _failed.get()
    with exclusive(lock_file(folder, key), waiting_for="it is fitting the same model"):
        stored = _read(path)
        if stored is not None:
            return Fit(stored["model"], stored["seconds"], from_cache=True)
        if failed is not None and path in failed:
            raise NerfzipError(f"not fitted again; the fit has failed: {failed[path]}")
        try:
            with stopwatch() as elapsed:
                model = fit()
        except Exception as error:
            # Its text alone: the exception would keep all that the fit has in memory.
            if failed is not None:
                failed[path] = str(error) if isinstance(error, NerfzipError) else repr(error)
            raise
        _write(path, {"model": model, "seconds": elapsed.seconds})
    return Fit(model, elapsed.seconds, from_cache=False)


_failed: ContextVar[dict[Path, str] | None] = ContextVar("_failed", default=None)
"""Why fits failed, by the files that they would have; None where every call tries again."""


@contextmanager
def each_fit_once() -> Iterator[None]:
    """Within it, a fit that has failed is not tried again: the other rates of a sweep would fail in the same way.

    Nothing of it is stored, so the next sweep tries again.
    """
    token = _failed.set({})
    try:
        yield
    finally:
        _failed.reset(token)


def model_file(folder: Path, key: str) -> Path:
    """The file of a fit, there once it was made."""
    return folder / f"{key}.pt"


def lock_file(folder: Path, key: str) -> Path:
    """Held by the process that makes the fit."""
    return folder / f"{key}.lock"


_unwritten: dict[Path, bytes] = {}
"""The last fit that found no room on the disk: the other rates of this process share it all the same."""


def _write(path: Path, stored: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(stored, buffer)
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    try:
        write_atomically(path, buffer.getvalue())
    except NerfzipError as error:
        _log.warning("the fit is not kept for the next run: %s", error)
        _unwritten.clear()
        _unwritten[path] = buffer.getvalue()


def _read(path: Path) -> dict[str, Any] | None:
    if path not in _unwritten and not path.exists():
        return None
    try:
        data = memoryview(_unwritten.get(path) or path.read_bytes())
        if hashlib.sha256(data[:-_DIGEST_BYTES]).digest() != data[-_DIGEST_BYTES:]:
            raise ValueError("the checksum is wrong")
        return torch.load(io.BytesIO(data[:-_DIGEST_BYTES]), weights_only=False)
    # Whatever is wrong with it, it can be made again.
    except Exception as error:
        _log.warning("%s: this cached fit is damaged (%s); fitting again", path, error)
        return None
