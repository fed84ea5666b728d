"""Large arrays of which only a small part is ever written."""

import numpy as np
import torch
from torch import Tensor


def lazy_zeros(shape: tuple[int, ...], device: torch.device | str | None = None) -> Tensor:
    """float32 zeros; without a device, on the default one. On the CPU the system gives a page when it is first written.

    A grid and its optimiser's state are mostly empty space, which then takes no memory; `torch.zeros` writes all of
    it.
    """
    device = torch.device(device or torch.get_default_device())
    if device.type == "cpu":
        return torch.from_numpy(np.zeros(shape, np.float32))
    return torch.zeros(shape, device=device)
