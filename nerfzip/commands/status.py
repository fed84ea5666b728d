"""`nerfzip status`: how far the points in a folder are, and why some failed."""

from argparse import Namespace

import yaml

from nerfzip.benchmark.overview import NO_CAPTURE, overview_table
from nerfzip.benchmark.plan_file import read_plans
from nerfzip.benchmark.point_files import CONFIG
from nerfzip.benchmark.store import State, StoredPoint, no_store, stored_point, stored_points
from nerfzip.console import table_console

_NAMED = (State.RUNNING, State.FAILED, State.UNFINISHED)


def main(arguments: Namespace) -> int:
    """Count the points of the plans of all sweeps, and whatever else is stored; name those that need a look."""
    everything = read_plans(arguments.folder)
    planned = [(point, stored_point(arguments.folder / point.folder)) for point in everything if point.folder]
    without_capture = [point for point in everything if not point.folder]
    known = {point.folder for point, _ in planned}
    others = [now for now in stored_points(arguments.folder) if now.folder.name not in known]
    if not everything and not others:
        raise no_store(arguments.folder)
    counted = [(point.label, point.scene or point.dataset, now.state) for point, now in planned]
    counted += [(*_label_and_scene(now), now.state) for now in others]
    counted += [(point.label, point.dataset, NO_CAPTURE) for point in without_capture]
    table_console().print(overview_table(counted))
    for now in [*(now for _, now in planned), *others]:
        if now.state in _NAMED:
            print(f"{now.state} {now.folder.name}" + (f": {now.reason}" if now.reason else ""))
    for point in without_capture:
        print(f"{NO_CAPTURE} {point.label} {point.dataset} {point.rate}: {point.reason}")
    if everything and others:
        print(f"{len(others)} of all these are in no sweep's plan")
    return 0


def _label_and_scene(now: StoredPoint) -> tuple[str, str]:
    """Those of the row; of a point without one the method and the data set, as its settings have them."""
    if now.row:
        return now.row.label, now.row.scene
    try:
        settings = yaml.safe_load((now.folder / CONFIG).read_bytes())
        return str(settings["method"]), str(settings["dataset_settings"].get("scene", settings["dataset"]))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return "–", "–"
