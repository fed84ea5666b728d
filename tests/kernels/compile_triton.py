"""Compiles the Triton kernels that the cases named on the command line launch, for a device that need not be there.

Of each it prints the name and which sizes of values, in bits, it stores to the device's memory.
"""

import re
import sys
from typing import Any

from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from nerfzip.kernels.backend import use_triton
from nerfzip.kernels.cuda import launch


class AbsentDevice:
    """What Triton asks its driver for when it compiles."""

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 80, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def compile_only(kernel: Any, programs: tuple[int, ...], *arguments: Any, fuse: bool = True, **constants: Any) -> None:
    compiled = kernel.warmup(*arguments, grid=programs, enable_fp_fusion=fuse, **constants)
    stored = set(re.findall(r"st\.global\.(?:v\d\.)?b(\d+)", compiled.asm["ptx"]))
    print(f"{kernel.__module__}.{kernel.__name__}", *sorted(stored))


if __name__ == "__main__":
    driver.set_active(AbsentDevice())
    launch.launch = compile_only
    # Their kernels are imported when they are first called, and see the launch above.
    from triton_cases import CASES

    with use_triton():
        for name in sys.argv[1:]:
            CASES[name]("cpu")
