"""`nerfzip status`: how far the points in a folder are, and why some failed."""

from argparse import Namespace

from nerfzip.benchmark.overview import overview_table
from nerfzip.benchmark.plan import state_of
from nerfzip.benchmark.plan_file import read_plan
from nerfzip.benchmark.store import State, no_store, stored_points
from nerfzip.console import table_console

_NAMED = (State.RUNNING, State.FAILED, State.UNFINISHED)


def main(arguments: Namespace) -> int:
    """Count the points of the last sweep's plan, and whatever else is stored; name those that need a look."""
    planned = [(point, state_of(arguments.folder, point)) for point in read_plan(arguments.folder)]
    known = {point.folder for point, _ in planned}
    others = [now for now in stored_points(arguments.folder) if now.folder.name not in known]
    if not planned and not others:
        raise no_store(arguments.folder)
    counted = [(point.label, point.scene or point.dataset, now.state) for point, now in planned]
    counted += [(now.row.label, now.row.scene, now.state) if now.row else ("–", "–", now.state) for now in others]
    table_console().print(overview_table(counted))
    names = [point.folder or f"{point.label} {point.dataset} {point.rate}" for point, _ in planned]
    names += [now.folder.name for now in others]
    for name, now in zip(names, [*(now for _, now in planned), *others], strict=True):
        if now.state in _NAMED:
            print(f"{now.state} {name}" + (f": {now.reason}" if now.reason else ""))
    if planned and others:
        print(f"{len(others)} of all these are not in the plan of the last sweep")
    return 0
