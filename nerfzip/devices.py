"""Where things run, as command lines and settings name it."""

from nerfzip import registry
from nerfzip.errors import ConfigError

NAMES = ("auto", "cpu", "cuda")
KERNELS = ("ours", "nerfacc")


def named_device(name: str) -> str:
    """Where a job fits, compresses and renders: "cuda" if that is asked for, else "cpu"; on whichever machine.

    "auto" is the CPU until all methods have been measured on CUDA.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in NAMES:
        raise ConfigError(
            f"device={name}: expected {', '.join(NAMES[:-1])} or {NAMES[-1]}, which is the first of several GPUs;"
            " CUDA_VISIBLE_DEVICES=1 in the environment makes it the second"
        )
    return "cuda" if name == "cuda" else "cpu"


def named_kernels(name: str, device: str) -> str:
    """Whose traversal and volume rendering fit and compress, "ours" or "nerfacc"; on whichever machine.

    Raises:
        ConfigError: nerfacc's on another device than CUDA; and for an unknown name.
    """
    registry.check_name("kernels", name, KERNELS)
    if name == "nerfacc" and device != "cuda":
        raise ConfigError(f"kernels=nerfacc: on device={device}, expected device=cuda: nerfacc has no others")
    return name


def check_present(device: str, kernels: str = "ours") -> None:
    """Raise ConfigError unless this machine has the device, and the kernels can be used on it."""
    if device == "cuda" and (problem := cuda_problem()):
        raise ConfigError(f"device=cuda: this machine has no CUDA device that PyTorch can use: {problem}")
    if kernels == "nerfacc":
        from nerfzip.kernels.nerfacc.extension import problem as nerfacc_problem

        if reason := nerfacc_problem():
            raise ConfigError(f"kernels=nerfacc: {reason}; expected kernels=ours")


def chosen_device(name: str) -> str:
    """`named_device`, if this machine has it.

    Raises:
        ConfigError: it has not; and for an unknown name.
    """
    device = named_device(name)
    check_present(device)
    return device


def cuda_problem() -> str | None:
    """Why PyTorch can use no CUDA device of this machine, or None if it can."""
    # Takes a second to import, which the command line has not done yet.
    import torch

    if torch.cuda.is_available():
        return None
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    try:
        torch.cuda.init()
    # Whatever the driver says; of several sentences the first tells.
    except Exception as error:
        return str(error).strip().partition(". ")[0]
    return "none is visible"
