"""`nerfzip sweep`: all combinations of the values of several settings, as points in one folder."""

import logging
from argparse import Namespace
from collections import Counter
from pathlib import Path

from nerfzip.benchmark.launch import launch_points, points_to_launch
from nerfzip.benchmark.launch_tasks import rounds
from nerfzip.benchmark.launchers import LOCAL, LauncherChoice, launcher_for_devices, split_words
from nerfzip.benchmark.overview import NO_CAPTURE, overview_table
from nerfzip.benchmark.own_device import devices_to_share
from nerfzip.benchmark.plan import Plan, fits_of, make_plan, point_name, write_plan
from nerfzip.benchmark.point_files import FAILURE
from nerfzip.benchmark.store import State, StoredPoint
from nerfzip.benchmark.sweep import run_points
from nerfzip.benchmark.sweep_view import sweep_view
from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.console import table_console
from nerfzip.devices import check_present
from nerfzip.metrics import lpips_note

_log = logging.getLogger(__name__)


def main(arguments: Namespace) -> int:
    words, launcher = split_words(arguments.overrides)
    configs = sweep_configs(words)
    if launcher is None and any(config.device == "cuda" for config in configs):
        launcher = launcher_for_devices(devices_to_share())
    plan = make_plan(configs)
    out = configs[0].out
    _print_plan(plan, out, arguments.retry_failed)
    if launcher:
        _print_tasks(plan, launcher, arguments.retry_failed)
    if not plan.points:
        return 2
    if arguments.plan:
        return 1 if plan.unloadable else 0
    if launcher is None or launcher.name in LOCAL:
        # Other launchers' tasks may be done on machines that have what this one has not; they look for themselves.
        to_do = points_to_launch(plan.points, arguments.retry_failed)
        for device, kernels in {(point.config.device, point.config.kernels) for point in to_do}:
            check_present(device, kernels)
    write_plan(out, plan, words)
    with sweep_view(plan.points, look_around=launcher is None) as show:
        if launcher:
            results = launch_points(launcher, plan.points, arguments.retry_failed, show)
        else:
            results = run_points(plan.points, arguments.retry_failed, show)
    failures = [
        f"{result.state} {point_name(point)}: {result.reason} ({_where(result)})"
        for point, result in zip(plan.points, results, strict=True)
        if result.state != State.DONE
    ]
    unfinished = sum(result.state not in (State.DONE, State.FAILED) for result in results)
    for line in failures:
        print(line)
    for job in plan.unloadable:
        print(f"{NO_CAPTURE} {job.config.label} {job.config.dataset} {job.config.rate}: {job.reason}")
    ending = f", {len(plan.unloadable)} without a capture" if plan.unloadable else ""
    ending += f", {unfinished} unfinished: the same command again goes on" if unfinished else ""
    total, done = len(plan.points) + len(plan.unloadable), len(plan.points) - len(failures)
    print(f"{out}: {done} of {total} points done, {len(failures) - unfinished} failed{ending}")
    if note := lpips_note():
        _log.info(note)
    return 1 if failures or plan.unloadable else 0


def _where(result: StoredPoint) -> Path:
    """The file that says all of a failure, if there is one."""
    file = result.folder / FAILURE
    return file if result.state == State.FAILED and file.exists() else result.folder


def _print_plan(plan: Plan, out: Path, retry_failed: bool) -> None:
    counts = Counter(point.stored.state for point in plan.points)
    fits = fits_of(plan.points)
    points: list[tuple[str, str, str]] = [(p.config.label, p.scene.name, p.stored.state) for p in plan.points]
    points += [(job.config.label, job.config.dataset, NO_CAPTURE) for job in plan.unloadable]
    table_console().print(overview_table(points))
    print(f"{out}: {_plural(len(points), 'point')}, {_plural(len(fits), 'fit')} ({sum(fits.values())} in the cache)")
    if counts[State.FAILED]:
        fate = "done again" if retry_failed else "left alone; --retry-failed does them again"
        print(f"{counts[State.FAILED]} failed before: {fate}")
    labels = Counter(
        (point.stored.row.label, point.config.label)
        for point in plan.points
        if point.stored.row and point.stored.row.label != point.config.label
    )
    for (old, new), number in labels.items():
        verb = "changes its label" if number == 1 else "change their label"
        print(f"{_plural(number, 'point')} {verb} from {old} to {new}")
    for reason, number in Counter(job.reason for job in plan.unloadable).items():
        print(f"{_plural(number, 'point')} without a capture: {reason}")


def _print_tasks(plan: Plan, launcher: LauncherChoice, retry_failed: bool) -> None:
    batches = rounds(points_to_launch(plan.points, retry_failed), launcher.settings)
    counts = [_plural(len(tasks), "task") for tasks in batches if tasks]
    print(f"{launcher.name}: {' and then '.join(counts) or 'no task'}")


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
