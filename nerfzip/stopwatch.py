"""Times that do not depend on whether the kernels were compiled before."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from numba.core.event import TimingListener, install_listener


@dataclass
class Elapsed:
    """Seconds that a block took, without the compilation of kernels; known at its end."""

    seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Elapsed]:
    """Measure a block of code."""
    elapsed = Elapsed()
    compilation = TimingListener()
    start = time.perf_counter()
    with install_listener("numba:compile", compilation):
        yield elapsed
    elapsed.seconds = time.perf_counter() - start
    if compilation.done:
        elapsed.seconds -= compilation.duration
