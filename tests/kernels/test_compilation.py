"""Compiled kernels round alike in the process that compiles them and in later ones: a seed then means one file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import hashlib
import torch
from nerfzip.kernels import interpolate_trilinear
torch.manual_seed(0)
grid, positions = torch.randn(20, 20, 18, 1), torch.rand(1526, 3) * 17
print(hashlib.sha256(interpolate_trilinear(grid, positions).numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_interpolation_has_the_same_bits_when_it_comes_from_the_cache(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    printed = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in ("compiles", "loads")
    ]
    assert printed[0] == printed[1]
