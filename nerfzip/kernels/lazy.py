"""Large arrays of which only a small part is ever written."""

import numpy as np
import torch
from torch import Tensor


def lazy_zeros(shape: tuple[int, ...], device: torch.device | str = "cpu") -> Tensor:
    """float32 zeros. On the CPU the system provides each page when it is first written.

    A grid and its optimiser's state are mostly empty space, which then takes no memory; `torch.zeros` writes all of
    it.
    """
    if torch.device(device).type == "cpu":
        return torch.from_numpy(np.zeros(shape, np.float32))
    return torch.zeros(shape, device=device)
