"""Where things run, as command lines and settings name it."""

from nerfzip import registry
from nerfzip.errors import ConfigError

NAMES = ("auto", "cpu", "cuda")
KERNELS = ("ours", "nerfacc")


def chosen_device(name: str) -> str:
    """Where a job fits, compresses and renders: "cuda" if it is asked for, else "cpu".

    "auto" is the CPU until all methods have been measured on CUDA.

    Raises:
        ConfigError: this machine has no CUDA device; and for an unknown name.
    """
    registry.check_name("device", name, NAMES)
    if name != "cuda":
        return "cpu"
    # Takes a second to import, which the command line has not done yet.
    import torch

    if not torch.cuda.is_available():
        raise ConfigError("device=cuda: this machine has no CUDA device that PyTorch can use; `nerfzip doctor` tells")
    return "cuda"


def chosen_kernels(name: str, device: str) -> str:
    """Whose traversal and volume rendering fit and compress, "ours" or "nerfacc".

    Raises:
        ConfigError: nerfacc's can't be used on this device, or this machine; and for an unknown name.
    """
    registry.check_name("kernels", name, KERNELS)
    if name == "nerfacc":
        if device != "cuda":
            raise ConfigError(f"kernels=nerfacc: found device={device}, expected device=cuda, where nerfacc's are")
        from nerfzip.kernels.nerfacc.extension import problem

        if problem() is not None:
            raise ConfigError(f"kernels=nerfacc: {problem()}; expected kernels=ours")
    return name
