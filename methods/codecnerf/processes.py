"""Several processes that train together, as `torchrun` starts them."""

import contextlib
import os
from collections.abc import Iterator, Sequence

import torch
import torch.distributed
from torch import Tensor


@contextlib.contextmanager
def joined(device: str) -> Iterator[None]:
    """While the block runs, the processes that `torchrun` started know each other; nothing without it.

    On "cuda" each works on a device of its own.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def process_index() -> int:
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def process_count() -> int:
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def average(gradients: Sequence[Tensor | None]) -> None:
    """Replace each tensor by its mean over the processes."""
    if not torch.distributed.is_initialized():
        return
    present = [gradient for gradient in gradients if gradient is not None]
    together = torch.cat([gradient.flatten() for gradient in present])
    torch.distributed.all_reduce(together)
    together /= process_count()
    start = 0
    for gradient in present:
        gradient.copy_(together[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()
