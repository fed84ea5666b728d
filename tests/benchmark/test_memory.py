"""Peak memory follows what is allocated."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nerfzip.benchmark.memory import peak_memory, reset_peak_memory


def test_the_peak_counts_a_block_and_forgets_it_after_a_reset() -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("this system can't reset the peak")
    reset_peak_memory()
    before = peak_memory()
    block = np.ones(200_000_000, dtype=np.uint8)
    assert peak_memory() >= before + 0.95 * block.nbytes
    del block
    reset_peak_memory()
    assert peak_memory() < before + 100_000_000


def test_the_peak_of_a_child_leaves_out_what_its_parent_held() -> None:
    """`getrusage` would count it: Linux carries it through exec."""
    block = np.ones(800_000_000, dtype=np.uint8)
    script = "from nerfzip.benchmark.memory import peak_memory; print(peak_memory())"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(child.stdout) < block.nbytes
