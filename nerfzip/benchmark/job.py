"""One job: fit → compress → file → decode in a fresh process → render → measure → row.

A job's folder holds `stream.nrz`, `cameras.npz` and `decode.json` (what the decoder was given beside it, and what it
said), `images/`, `config.yaml`, and last of all `row.json`: it exists only when the job is complete.
"""

import dataclasses
import hashlib
import json
import logging
import re
import traceback
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from nerfzip.benchmark.code_version import POINT_ROOMS, code_version
from nerfzip.benchmark.environment import commit, computing_versions, library_versions
from nerfzip.benchmark.fit_cache import Fit, cache_folder, cached_fit, fit_key
from nerfzip.benchmark.ground_truth import ground_truth_folder, kept_views, pixel_digest, truth_name
from nerfzip.benchmark.locks import exclusive
from nerfzip.benchmark.measured_file import check_test_images, measure_file
from nerfzip.benchmark.measured_views import test_views
from nerfzip.benchmark.memory import peak_device_memory, peak_memory, reset_peak_memory
from nerfzip.benchmark.point_files import CONFIG, FAILURE, LOCK, ROW
from nerfzip.benchmark.row import NewerRowError, Row, image_columns, read_row, write_row
from nerfzip.config import JobConfig, build, input_digests
from nerfzip.data.scene import Capture, frames_of
from nerfzip.errors import NerfzipError
from nerfzip.files import write_atomically
from nerfzip.kernels.backend import kernels_by
from nerfzip.method import check_capture
from nerfzip.on_device import on_device, working_on
from nerfzip.rendering.images import write_png
from nerfzip.stopwatch import stopwatch

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A complete file in memory, and what was measured while it was made."""

    data: bytes
    fit: Fit
    compress_seconds: float
    uncompressed_bytes: int | None


def point_folder(config: JobConfig, scene: Capture) -> Path:
    """The folder of a job: its name ends in a hash of all that the result depends on, which the label is not."""
    parts = {
        **settings(config),
        "scene": scene.fingerprint,
        "device": config.device,
        "code": _code_version(config),
        "libraries": computing_versions(),
    }
    del parts["dataset_settings"]  # The fingerprint stands for them, wherever the capture lies.
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    name = f"{config.method}-{scene.name}-{config.rate}-{config.seed}-{digest[:12]}"
    return config.out / re.sub(r"[^\w.-]", "_", name)


def settings(config: JobConfig) -> dict[str, Any]:
    """The settings of a job as plain data, without the folders."""
    inputs = input_digests(config.method_settings)
    return {
        **({"inputs": inputs} if inputs else {}),
        "method": config.method,
        "dataset": config.dataset,
        "rate": config.rate,
        "seed": config.seed,
        "train_views": config.train_views,
        "kernels": config.kernels,
        "method_settings": config.method_settings,
        "dataset_settings": config.dataset_settings,
    }


def run_job(config: JobConfig, scene: Capture) -> Row:
    """Do a job, or nothing but label its row if it is complete, and return its row.

    A failure of any kind is written to `failure.json` in the job's folder and then raised.

    Raises:
        NewerRowError: it is complete, by a later version of nerfzip; nothing is written.
    """
    folder = point_folder(config, scene)
    with lock_point(folder) as lock:
        return run_locked_job(config, scene, folder, lock)


def lock_point(folder: Path, wait: bool = True) -> AbstractContextManager[int]:
    """Keep other processes from working on a point; see `locks.exclusive`."""
    return exclusive(folder / LOCK, waiting_for=f"it is working on {folder}", wait=wait)


def run_locked_job(config: JobConfig, scene: Capture, folder: Path, lock: int) -> Row:
    """`run_job` for a process that holds the lock, a file descriptor, of the point's folder."""
    row = _complete_row(folder)
    if row is not None:
        _log.info("%s: complete", folder)
        keep_ground_truth(config.out, scene)  # Older versions did not.
        return _labelled(row, config.label, folder)
    failure = folder / FAILURE
    failure.unlink(missing_ok=True)
    try:
        return _make_point(config, scene, folder, lock)
    except Exception as error:
        _record_failure(failure, error)
        raise


def fit(config: JobConfig, scene: Capture) -> Fit:
    """The job's model, fitted or from the cache."""

    def new() -> Any:
        check_test_images(scene)
        _log.info("fit %s on %s", config.method, scene.name)
        torch.manual_seed(config.seed)
        with working_on(config.device), kernels_by(config.kernels):
            model = build(config.method_settings).fit(scene.to(config.device))
        return on_device(model, "cpu")

    return cached_fit(new, fit_key(config, scene), cache_folder(config))


def encode(config: JobConfig, scene: Capture) -> Encoded:
    """Fit, or take the cached fit, and compress.

    Raises:
        ConfigError: the method does not take such a capture.
    """
    method = build(config.method_settings)
    check_capture(method, config.method, scene)
    fitted = fit(config, scene)
    size = getattr(method, "uncompressed_bytes", None)
    uncompressed_bytes = None if size is None else int(size(fitted.model))
    _log.info("compress %s at rate %s", config.method, config.rate)
    torch.manual_seed(config.seed)
    with stopwatch() as elapsed, working_on(config.device), kernels_by(config.kernels):
        data = method.compress(on_device(fitted.model, config.device), scene.to(config.device))
    return Encoded(data, fitted, elapsed.seconds, uncompressed_bytes)


def keep_ground_truth(out: Path, scene: Capture) -> None:
    """Write those of the scene's `kept_views` that are not there yet, as the metrics see them.

    What an earlier loader made of the capture stays beside them. Several processes may do so at once.
    """
    folder = ground_truth_folder(out, scene.fingerprint)
    views = test_views(scene)
    for view in [views[index] for index in kept_views(len(views))]:
        frame = frames_of(scene)[view.frame]
        pixels = frame.test.image(view.index, frame.background)
        file = folder / truth_name({"file": view.file, "truth": pixel_digest(pixels)})
        if not file.exists():
            write_png(file, pixels)


def _make_point(config: JobConfig, scene: Capture, folder: Path, lock: int) -> Row:
    write_atomically(folder / CONFIG, OmegaConf.to_yaml(settings(config)).encode())
    _ = frames_of(scene)[0].test  # Without test views the work would be for nothing.
    reset_peak_memory()
    encoded = encode(config, scene)
    peaks = {"encode": peak_memory(), "encode_device": peak_device_memory()}
    stream = folder / "stream.nrz"
    write_atomically(stream, encoded.data)
    # It shares the lock: if this process is killed, nobody writes to the folder before the decoder has ended.
    measured = measure_file(stream, scene, folder, config.device, config.train_views, keep_open=[lock])
    keep_ground_truth(config.out, scene)
    row = Row(
        label=config.label,
        method=config.method,
        dataset=config.dataset,
        scene=scene.name,
        rate=config.rate,
        seed=config.seed,
        config=settings(config),
        fingerprint=scene.fingerprint,
        bytes=measured.bytes,
        bytes_by_component=measured.bytes_by_component,
        uncompressed_bytes=encoded.uncompressed_bytes,
        digest=measured.digest,
        metrics=measured.metrics,
        images=image_columns(measured.images),
        seconds={"fit": encoded.fit.seconds, "compress": encoded.compress_seconds} | measured.seconds,
        fit_from_cache=encoded.fit.from_cache,
        peak_memory=peaks | measured.peak_memory,
        code_version=_code_version(config),
        commit=commit(),
        libraries=library_versions(),
        device=measured.device,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        frames=len(frames_of(scene)),
    )
    write_row(folder / ROW, row)
    return row


def _labelled(row: Row, label: str, folder: Path) -> Row:
    """A point has one label, the one it was last asked for with."""
    if row.label == label:
        return row
    _log.info("%s: labelled %s, was %s", folder, label, row.label)
    row = dataclasses.replace(row, label=label)
    write_row(folder / ROW, row)
    return row


def _complete_row(folder: Path) -> Row | None:
    path = folder / ROW
    if not path.exists():
        return None
    try:
        return read_row(path)
    except NewerRowError:
        raise
    except NerfzipError as error:
        _log.warning("%s; doing the job again", error)
        return None


def _record_failure(path: Path, error: Exception) -> None:
    failure = {
        "error": type(error).__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        write_atomically(path, json.dumps(failure, indent=2).encode())
    except NerfzipError as second:
        _log.warning("the failure is not recorded: %s", second)


def _code_version(config: JobConfig) -> str:
    return code_version(config.method_settings, POINT_ROOMS)
