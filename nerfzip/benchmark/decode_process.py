"""A file decoded and rendered by a process that has nothing but the file and the cameras."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from nerfzip.errors import NerfzipError

_log = logging.getLogger(__name__)


def decode_in_fresh_process(
    file: Path, cameras: Path, folder: Path, device: str, keep_open: Collection[int] = ()
) -> dict[str, Any]:
    """Render all cameras to folder/images, and return what `decode_worker.decode_and_render` measured.

    Args:
        cameras: what `write_cameras` wrote.
        keep_open: file descriptors that the process inherits. With that of a lock, the lock is free only when neither
            this process nor the decoder, which ends soon after it, writes any more.

    Raises:
        NerfzipError: the decoder failed; the message starts with the file.
    """
    _log.info("decode %s", file)
    report = folder / "decode.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "nerfzip.benchmark.decode_worker"]
    # It has a process group of its own: Ctrl-C reaches this process alone, which then ends it.
    parent = str(os.getpid())
    worker = subprocess.run([*command, file, cameras, folder, device, parent], pass_fds=keep_open, process_group=0)
    if not report.exists():
        raise NerfzipError(f"{file}: the decoding process ended with status {worker.returncode} and said nothing")
    result = json.loads(report.read_bytes())
    if "error" in result:
        raise NerfzipError(f"{file}: {result['error'].removeprefix(f'{file}: ')}")
    return result
