"""A CUDA device for each process of a sweep on one machine."""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nerfzip.benchmark.locks import HeldError, exclusive

VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 1.0


@contextmanager
def own_device(devices: list[str]) -> Iterator[dict[str, str]]:
    """Within the block one of the devices is ours; wait for one while other processes of this user have them all.

    Args:
        devices: as CUDA_VISIBLE_DEVICES names them. With less than two there is nothing to choose.

    Yields:
        The environment variables of a process that is to see this device alone.
    """
    if len(devices) < 2:
        yield {}
        return
    with ExitStack() as held:
        while (free := _take_one(devices, held)) is None:
            time.sleep(POLL_SECONDS)
        yield {VISIBLE: free}


def _take_one(devices: list[str], held: ExitStack) -> str | None:
    for device in devices:
        with suppress(HeldError):
            held.enter_context(exclusive(_lock_file(device), f"it works on CUDA device {device}", wait=False))
            return device
    return None


def visible_devices() -> list[str]:
    """The CUDA devices that this process may use."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [device for device in named.split(",") if device]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def _lock_file(device: str) -> Path:
    folder = Path(tempfile.gettempdir()) / f"nerfzip-devices-{os.getuid()}"
    return folder / re.sub(r"[^\w-]", "_", device)
