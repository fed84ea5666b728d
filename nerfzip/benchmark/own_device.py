"""A CUDA device for each process of a sweep on one machine."""

import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nerfzip.benchmark.locks import HeldError, exclusive
from nerfzip.files import user_cache

VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 1.0


@contextmanager
def own_device(devices: list[str]) -> Iterator[dict[str, str]]:
    """Within the block one of the devices is ours; wait for one while other processes of this user have them all.

    Args:
        devices: as CUDA_VISIBLE_DEVICES names them; none leaves things as they are.

    Yields:
        The environment variables of a process that is to see this device alone.
    """
    if not devices:
        yield {}
        return
    with ExitStack() as held:
        while (free := _take_one(devices, held)) is None:
            time.sleep(POLL_SECONDS)
        yield {VISIBLE: free}


def devices_to_share() -> list[str]:
    """The CUDA devices that this process may use; none if a launcher, or the user, gave it one, for it alone to see."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        devices = [device for device in named.split(",") if device]
        return devices if len(devices) > 1 else []
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def _take_one(devices: list[str], held: ExitStack) -> str | None:
    for device in devices:
        with suppress(HeldError):
            held.enter_context(exclusive(_lock_file(device), f"it works on CUDA device {device}", wait=False))
            return device
    return None


def _lock_file(device: str) -> Path:
    # Not in $TMPDIR, which schedulers make for each job.
    return user_cache("devices") / re.sub(r"[^\w-]", "_", f"{platform.node()}-{device}")
