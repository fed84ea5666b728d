"""The points of a plan, one after the other, shared with every other process that works on the same folder."""

from collections.abc import Callable

from nerfzip.benchmark.fit_cache import cache_folder, each_fit_once, lock_file
from nerfzip.benchmark.job import lock_point, run_locked_job
from nerfzip.benchmark.locks import HeldError, is_held
from nerfzip.benchmark.plan import Point, fit_file
from nerfzip.benchmark.store import State, StoredPoint, recorded_failure
from nerfzip.errors import NerfzipError

Show = Callable[[int, StoredPoint], None]
"""Told of every change: the number of the point in the plan, and how far it is now."""


@each_fit_once()
def run_points(points: list[Point], retry_failed: bool, show: Show) -> list[StoredPoint]:
    """Do what is to be done and return how far each point is at the end: done or failed.

    A point that another process works on, or whose fit it is making, is put off until nothing else is left. Then it is
    waited for; if that process dies, the point is done here.
    """
    results = [point.stored for point in points]
    waiting = [number for number, point in enumerate(points) if _is_to_do(point, retry_failed)]
    while waiting:
        put_off = []
        for number in waiting:
            if _is_busy(points[number]):
                put_off.append(number)
                continue
            try:
                results[number] = _run(number, points[number], retry_failed, show, wait=False)
            except HeldError:
                put_off.append(number)
        if put_off == waiting:
            number = put_off.pop(0)
            results[number] = _run(number, points[number], retry_failed, show, wait=True)
        waiting = put_off
    return results


def _is_to_do(point: Point, retry_failed: bool) -> bool:
    if point.stored.state == State.DONE:
        # It is complete, but may have to be labelled anew.
        return point.stored.row is not None and point.stored.row.label != point.config.label
    return point.stored.state != State.FAILED or retry_failed


def _is_busy(point: Point) -> bool:
    """Whether another process is making the fit that this point needs."""
    return not fit_file(point).exists() and is_held(lock_file(cache_folder(point.config), point.fit))


def _run(number: int, point: Point, retry_failed: bool, show: Show, wait: bool) -> StoredPoint:
    """Do one point. Whatever goes wrong is a result, but for HeldError if another process has it."""
    try:
        with lock_point(point.folder, wait) as lock:
            show(number, StoredPoint(point.folder, State.RUNNING))
            result = _run_locked(point, retry_failed, lock)
    except HeldError:
        raise
    except NerfzipError as error:
        result = StoredPoint(point.folder, State.FAILED, reason=str(error))
    show(number, result)
    return result


def _run_locked(point: Point, retry_failed: bool, lock: int) -> StoredPoint:
    failed = recorded_failure(point.folder)
    # One that is not the plan's was made by another process since: that has tried for us.
    if failed and (failed != point.stored or not retry_failed):
        return failed
    try:
        return StoredPoint(point.folder, State.DONE, run_locked_job(point.config, point.scene, point.folder, lock))
    except Exception as error:
        return recorded_failure(point.folder) or StoredPoint(point.folder, State.FAILED, reason=repr(error))
