"""Files that exist whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nerfzip.errors import ConfigError, NerfzipError


def user_cache(name: str) -> Path:
    """Our folder of this name in the user's cache: $XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nerfzip" / name


def check_writable(path: Path) -> None:
    """Find out before the work whether `path` can be written after it.

    Raises:
        NerfzipError: its folder can't be made or written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise NerfzipError(f"{path}: can't be written: {error.strerror or error}") from error


def check_folder(option: str, path: Path) -> None:
    """Find out before the work that results, which get a folder, were to go to a file, by an option such as "--out".

    Raises:
        ConfigError: the path is one.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{option} {path}: found a file, expected a folder, or the name of a new one")


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` under a temporary name in the same folder, then rename it into place.

    Raises:
        NerfzipError: the folder can't be written or the disk is full; nothing is left behind.
    """
    with atomic_file(path) as file:
        file.write(data)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file with a temporary name in the folder of `path`, which is renamed to `path` when the block is left in order.

    Raises:
        NerfzipError: the folder can't be written or the disk is full. After any error nothing is left behind.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; a result is as readable as any file the user makes.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise NerfzipError(f"{path}: can't be written: {error.strerror or error}") from error
        raise


def _sync_folder(folder: Path) -> None:
    """Make a rename outlast a power cut, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
