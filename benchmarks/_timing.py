"""Timing two or more ways to do one thing, side by side."""

import time
from collections.abc import Callable
from statistics import median


def nothing() -> None:
    pass


def median_milliseconds(
    sides: dict[str, Callable[[], object]],
    runs: int,
    warm_up: int = 2,
    prepare: Callable[[], None] = nothing,
) -> dict[str, float]:
    """The median time of each side over `runs` runs.

    The sides take turns, so that a slow moment of the machine hits all of them, after `warm_up` turns that are not
    counted. `prepare` is called before each run and not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(warm_up + runs):
        for name, run in sides.items():
            prepare()
            begin = time.perf_counter()
            run()
            elapsed = time.perf_counter() - begin
            if turn >= warm_up:
                times[name].append(1000 * elapsed)
    return {name: median(measured) for name, measured in times.items()}
