"""Timing two or more ways to do one thing, side by side."""

import time
from collections.abc import Callable
from statistics import median

import torch

CYCLES_OF_SLEEP = 50_000_000
"""Of a GPU's clock, some 30 ms: so long may Python take to launch what is timed."""


def nothing() -> None:
    pass


def wall_clock(run: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    begin = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - begin)


def cuda_events(run: Callable[[], object]) -> float:
    """Milliseconds that the device takes for what a call launches, from the first kernel to the last.

    The device sleeps until all is launched, so that launching is not in the time; where a call waits for the device
    (for a number of samples), what Python does after that is.
    """
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    torch.cuda._sleep(CYCLES_OF_SLEEP)
    begin.record()
    run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def timer_of(device: str) -> Callable[[Callable[[], object]], float]:
    return cuda_events if device == "cuda" else wall_clock


def median_milliseconds(
    sides: dict[str, Callable[[], object]],
    runs: int,
    warm_up: int = 2,
    prepare: Callable[[], None] = nothing,
    timer: Callable[[Callable[[], object]], float] = wall_clock,
) -> dict[str, float]:
    """The median time of each side over `runs` runs.

    The sides take turns, so that a slow moment of the machine hits all of them, after `warm_up` turns that are not
    counted. `prepare` is called before each run and not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(warm_up + runs):
        for name, run in sides.items():
            prepare()
            milliseconds = timer(run)
            if turn >= warm_up:
                times[name].append(milliseconds)
    return {name: median(measured) for name, measured in times.items()}
