"""What an attempt to decode a damaged file may cost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from nerfzip.benchmark.memory import peak_memory, reset_peak_memory

SECONDS = 2.0
"""Of processor time, to which other programs do not add. One is promised; the other is for slow machines."""
MEMORY = 10**9


@contextmanager
def within_limits(memory: int = MEMORY, seconds: float = SECONDS) -> Iterator[None]:
    """What is done inside takes no more than this, in memory beyond what is held already."""
    reset_peak_memory()
    memory_before, seconds_before = peak_memory(), time.process_time()
    yield
    assert time.process_time() - seconds_before < seconds
    assert peak_memory() - memory_before < memory
