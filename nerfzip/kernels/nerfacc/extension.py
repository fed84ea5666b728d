"""nerfacc's CUDA extension, which its users compile: whether it is here, or builds."""

import io
import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import cache

import torch

MESSAGE_LENGTH = 200
"""Of a compiler's message, which has pages, so much is told."""


@cache
def problem() -> str | None:
    """Why nerfacc's kernels can't be used on this machine, or None if they can. Prints nothing.

    The first call on a machine with a CUDA device and a compiler builds the extension, which takes minutes.
    """
    if not torch.cuda.is_available():
        return "this machine has no CUDA device that PyTorch can use"
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings(action="ignore"):
            from nerfacc.cuda._backend import _C
    # Whatever PyTorch, ninja and the compiler raise.
    except Exception as error:
        return f"its CUDA extension does not build: {str(error).strip()[:MESSAGE_LENGTH]}"
    return None if _C is not None else "its CUDA extension is not there, and neither is a compiler (nvcc)"
