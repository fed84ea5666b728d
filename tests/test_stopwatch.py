"""Compilation is not counted."""

import time

import numba

from nerfzip.stopwatch import stopwatch


def test_a_block_is_measured_without_its_compilation() -> None:
    @numba.njit
    def compiled_here(x: float) -> float:
        for n in range(10):
            x += n
        return x

    start = time.perf_counter()
    with stopwatch() as elapsed:
        compiled_here(1.0)
        time.sleep(0.05)
    total = time.perf_counter() - start
    compiling = compiled_here.get_metadata()[(numba.float64,)]["timers"]["compiler_lock"]
    assert 0.05 <= elapsed.seconds < total - 0.5 * compiling
