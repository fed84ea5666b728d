"""The result store: a folder of points, each a folder of its own. Whatever else lies there is left alone."""

import contextlib
import gc
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from nerfzip import errors
from nerfzip.benchmark.locks import is_held
from nerfzip.benchmark.point_files import CONFIG, FAILURE, LOCK, ROW
from nerfzip.benchmark.row import NewerRowError, Row, read_row
from nerfzip.errors import NerfzipError

_log = logging.getLogger(__name__)


class State(StrEnum):
    """How far a point is; the values are the words that users read."""

    DONE = "done"
    RUNNING = "running"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    TO_DO = "to do"


@dataclass(frozen=True)
class StoredPoint:
    """What the folder of a point holds.

    Attributes:
        row: of a point that is done.
        reason: why it failed, or why it is unfinished though it has a row; one line.
        date: when it failed, ISO 8601.
    """

    folder: Path
    state: State
    row: Row | None = None
    reason: str = ""
    date: str = ""


def stored_point(folder: Path) -> StoredPoint:
    """The point in a folder; "to do" if there is none in it, or no such folder.

    Raises:
        NewerRowError: a row of a later version of nerfzip. It is no damage, and must not be made again.
    """
    damage = ""
    if (folder / ROW).exists():
        try:
            return StoredPoint(folder, State.DONE, read_row(folder / ROW))
        except NewerRowError:
            raise
        except NerfzipError as error:
            damage = str(error)
    if is_held(folder / LOCK):
        return StoredPoint(folder, State.RUNNING)
    if failed := recorded_failure(folder):
        return failed
    if damage or (folder / CONFIG).exists():
        return StoredPoint(folder, State.UNFINISHED, reason=damage)
    return StoredPoint(folder, State.TO_DO)


def recorded_failure(folder: Path) -> StoredPoint | None:
    """The point in a folder as one that failed, if it did."""
    file = folder / FAILURE
    if not file.exists():
        return None
    reason, date = _failure(file)
    return StoredPoint(folder, State.FAILED, reason=reason, date=date)


def stored_points(out: Path) -> list[StoredPoint]:
    """All points in a folder, by name; none if it has none.

    Raises:
        NewerRowError: a row of a later version of nerfzip.
        NerfzipError: the folder is missing.
    """
    return [point for folder in _folders(out) if (point := stored_point(folder)).state != State.TO_DO]


def no_store(out: Path) -> NerfzipError:
    """What to say of a folder without points."""
    return NerfzipError(f"{out}: no result store: no folder in it has {ROW}, {FAILURE} or {CONFIG}")


def rows(out: Path) -> list[Row]:
    """The rows of all complete points in a folder, as `rows_by_folder` reads them."""
    return list(rows_by_folder(out).values())


def rows_by_folder(out: Path, with_images: bool = True) -> dict[Path, Row]:
    """The folders of all complete points in a folder, and their rows.

    A row that can't be read is left out, with a warning.

    Args:
        with_images: as of `read_row`.

    Raises:
        NewerRowError: a row of a later version of nerfzip.
        NerfzipError: the folder is missing or has no points.
    """
    found = {}
    with _garbage_kept():
        for folder in _folders(out):
            file = folder / ROW
            if not file.exists():
                continue
            try:
                found[folder] = read_row(file, with_images)
            except NewerRowError:
                raise
            except NerfzipError as error:
                _log.warning("left out: %s", error)
    if not found and not stored_points(out):
        raise no_store(out)
    return found


@contextlib.contextmanager
def _garbage_kept() -> Iterator[None]:
    """No search for garbage meanwhile: with thousands of rows it takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def frame(rows: list[Row]) -> pd.DataFrame:
    """One line a row, with flat columns.

    These are label, method, dataset, scene, rate, seed, bytes, uncompressed_bytes, each metric by its name (psnr, ssim,
    ...), bytes_SECTION for each section of the files, seconds_STEP, fit_from_cache, peak_memory_PROCESS (bytes),
    device, code_version, commit and date. What a row lacks is NaN; a column that no row has is absent.
    """
    return pd.DataFrame([_flat(row) for row in rows])


def _flat(row: Row) -> dict[str, Any]:
    return {
        "label": row.label,
        "method": row.method,
        "dataset": row.dataset,
        "scene": row.scene,
        "rate": row.rate,
        "seed": row.seed,
        "bytes": row.bytes,
        "uncompressed_bytes": row.uncompressed_bytes,
        **row.metrics,
        **{f"bytes_{section}": size for section, size in row.bytes_by_component.items()},
        **{f"seconds_{step}": seconds for step, seconds in row.seconds.items()},
        "fit_from_cache": row.fit_from_cache,
        **{f"peak_memory_{process}": size for process, size in row.peak_memory.items()},
        "device": row.device,
        "code_version": row.code_version,
        "commit": row.commit,
        "date": row.date,
    }


def _folders(out: Path) -> list[Path]:
    try:
        with os.scandir(out) as entries:
            # Thousands of texts are sorted many times as quickly as paths.
            return [Path(path) for path in sorted(entry.path for entry in entries if entry.is_dir())]
    except OSError as error:
        raise NerfzipError(f"{out}: no result store: {error.strerror or error}") from error


def _failure(path: Path) -> tuple[str, str]:
    try:
        failure = json.loads(path.read_bytes())
        message, date = str(failure["message"]), str(failure["date"])
        # A message of ours says all; that of a KeyError, for example, only means something with its name.
        text = message if failure["error"] in vars(errors) else f"{failure['error']}: {message}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{path} can't be read: {error}", ""
    return " ".join(text.split()), date
