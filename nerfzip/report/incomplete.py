"""The points that a report has no row of: planned by the last sweep, or begun."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from nerfzip.benchmark.plan_file import PlannedPoint, read_plans
from nerfzip.benchmark.store import State, stored_point
from nerfzip.report.remarks import listed


@dataclass(frozen=True)
class Incomplete:
    """What a report should have had.

    Attributes:
        planned: the points of the last sweep's plan, complete or not.
        remarks: how many points have no row, and which.
    """

    planned: tuple[PlannedPoint, ...] = ()
    remarks: tuple[str, ...] = ()


def incomplete(out: Path, complete: Collection[Path]) -> Incomplete:
    """What is known of points without a row.

    Args:
        out: the folder of results.
        complete: the folders of the points with a row.

    Raises:
        NerfzipError: the plan is damaged.
    """
    planned = tuple(read_plans(out))
    done = {folder.name for folder in complete}
    states = dict(_without_row(out, planned, done))
    counts = Counter(states.values())
    if not counts:
        return Incomplete(planned)
    numbers = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    return Incomplete(planned, (f"points without a row: {numbers}: {listed(states, '; ')}",))


def _without_row(out: Path, planned: tuple[PlannedPoint, ...], done: set[str]) -> Iterator[tuple[str, State]]:
    """Their names and states."""
    for point in planned:
        if point.folder is None:
            name = f"{point.label} {point.dataset} {point.rate} seed {point.seed}: {point.reason}"
            yield name, State.FAILED
        elif point.folder not in done:
            name = f"{point.label} {point.scene} {point.rate} seed {point.seed}"
            yield name, stored_point(out / point.folder).state
    known = done | {point.folder for point in planned}
    for folder in sorted(out.iterdir()):
        if folder.is_dir() and folder.name not in known:
            stored = stored_point(folder)
            if stored.state != State.TO_DO:
                yield folder.name, stored.state
