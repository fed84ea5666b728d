"""How far the points of a sweep are, as a table: a line for each label and scene."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from rich import box
from rich.table import Table

from nerfzip.benchmark.store import State

NO_CAPTURE = "no capture"
"""What is said in place of a state of points that can't be begun, because their captures can't be loaded."""


def overview_table(points: Iterable[tuple[str, str, str]]) -> Table:
    """Counts of points, each given by its label, its scene and its state, a `State` or `NO_CAPTURE`."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for label, scene, state in points:
        counts[label, scene][state] += 1
    total = sum(counts.values(), Counter())
    states = [state for state in (*State, NO_CAPTURE) if total[state] or state == State.DONE]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("label", "scene"):
        table.add_column(heading, overflow="fold")
    for heading in ("points", *states):
        table.add_column(heading, justify="right")
    for (label, scene), count in counts.items():
        table.add_row(label, scene, *_cells(count, states))
    if len(counts) > 1:
        table.add_section()
        table.add_row("all", "", *_cells(total, states))
    return table


def _cells(count: Counter[str], states: list[str]) -> list[str]:
    return [f"{number:,}" for number in (count.total(), *(count[state] for state in states))]
