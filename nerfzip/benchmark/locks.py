"""Locks between processes. The kernel releases them when their holder dies, however it dies."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nerfzip.errors import NerfzipError

_log = logging.getLogger(__name__)


class HeldError(NerfzipError):
    """A lock that another process holds."""


@contextmanager
def exclusive(path: Path, waiting_for: str, wait: bool = True) -> Iterator[int]:
    """Hold a lock on the file `path`, which is made if it is missing and stays; wait for it, saying so, if it is held.

    Yields:
        The file's descriptor. A child process that inherits it shares the lock and keeps it when the parent dies.

    Raises:
        HeldError: it is held, and `wait` is false.
        NerfzipError: the file can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise NerfzipError(f"{path}: can't be written: {error.strerror or error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise HeldError(f"{path}: held by another process: {waiting_for}") from None
            _log.info("waiting for another process: %s", waiting_for)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def is_held(path: Path) -> bool:
    """Whether a live process holds the lock on this file, which need not exist, at this moment."""
    try:
        file = path.open()
    except OSError:
        return False
    with file:
        try:
            # Shared: two that ask at once do not take each other for a holder.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
