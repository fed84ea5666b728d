"""What a sweep shows while it runs: a live table on a terminal, a line for each finished point elsewhere."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr

from rich import box
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nerfzip.benchmark.plan import Point, point_name
from nerfzip.benchmark.repeated import every
from nerfzip.benchmark.store import State, StoredPoint, stored_point
from nerfzip.benchmark.sweep import Show

_COLOURS = {State.DONE: "green", State.RUNNING: "yellow", State.FAILED: "red"}
_LINES_AROUND_TABLE = 6
_SECONDS_BETWEEN_LOOKS = 15


@contextmanager
def sweep_view(points: list[Point], look_around: bool = True) -> Iterator[Show]:
    """Show the changes that the yielded function is told of on standard output.

    Args:
        look_around: whether a table also shows what other processes do to points, by looking at their folders.
    """
    if sys.stdout.isatty():
        with _live_table(points, look_around) as show:
            yield show
    else:
        yield _Lines(points)


class _Lines:
    def __init__(self, points: list[Point]) -> None:
        self.points = points
        self.finished = {number for number, point in enumerate(points) if point.stored.state == State.DONE}

    def __call__(self, number: int, now: StoredPoint) -> None:
        if now.state == State.RUNNING:
            return
        self.finished.add(number)
        words = f"{now.state} {len(self.finished)}/{len(self.points)} {point_name(self.points[number])}"
        if now.row is None:
            print(f"{words}: {now.reason}", flush=True)
        else:
            print(f"{words} {now.row.metrics['psnr']:.2f} dB {now.row.bytes:,} bytes", flush=True)


class _LiveTable:
    def __init__(self, points: list[Point], console: Console) -> None:
        self.points = points
        self.console = console
        self.now = [point.stored for point in points]
        self.started: dict[int, float] = {}
        self.seconds: dict[int, float] = {}
        self.last = 0
        self.own: set[int] = set()
        self.lock = threading.Lock()

    def __call__(self, number: int, now: StoredPoint) -> None:
        with self.lock:
            self.own.add(number)
            self._set(number, now)

    def look_around(self) -> None:
        """Look at the folders of those points that are not done and that this process has not begun."""
        for number, point in enumerate(self.points):
            if number in self.own or self.now[number].state == State.DONE:
                continue
            now = stored_point(point.folder)
            with self.lock:
                if number not in self.own:
                    self.now[number] = now

    def _set(self, number: int, now: StoredPoint) -> None:
        if now.state == State.RUNNING:
            self.started[number] = time.monotonic()
        elif number in self.started:
            self.seconds[number] = time.monotonic() - self.started[number]
        self.now[number] = now
        self.last = number

    def __rich__(self) -> Table:
        """The points around the one that changed last, as many as the terminal has lines for."""
        lines = max(self.console.height - _LINES_AROUND_TABLE, 1)
        first = max(0, min(self.last - lines // 2, len(self.points) - lines))
        shown = range(first, min(first + lines, len(self.points)))
        counts = ", ".join(f"{count} {state}" for state in State if (count := sum(p.state == state for p in self.now)))
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption=counts)
        for heading in ("point", "state"):
            table.add_column(heading, no_wrap=True)
        for heading in ("PSNR dB", "bytes", "seconds"):
            table.add_column(heading, justify="right", no_wrap=True)
        for number in shown:
            table.add_row(*self._cells(number))
        return table

    def _cells(self, number: int) -> list[str | Text]:
        now = self.now[number]
        elsewhere = now.state == State.RUNNING and number not in self.own
        state = Text(f"{now.state} elsewhere" if elsewhere else now.state, style=_COLOURS.get(now.state, ""))
        quality = [f"{now.row.metrics['psnr']:.2f}", f"{now.row.bytes:,}"] if now.row else ["", ""]
        return [point_name(self.points[number]), state, *quality, self._seconds(number)]

    def _seconds(self, number: int) -> str:
        if number in self.seconds:
            return f"{self.seconds[number]:.0f}"
        return f"{time.monotonic() - self.started[number]:.0f}" if number in self.started else ""


class _AboveTable(FileProxy):
    """Standard error while the table is on the terminal: its lines go above; progress bars find no terminal."""

    def isatty(self) -> bool:
        return False


@contextmanager
def _live_table(points: list[Point], look_around: bool) -> Iterator[Show]:
    console = Console()
    table = _LiveTable(points, console)
    above = _AboveTable(console, sys.stderr)
    live = Live(get_renderable=table.__rich__, console=console, refresh_per_second=2, redirect_stderr=False)
    looking = every(_SECONDS_BETWEEN_LOOKS, table.look_around) if look_around else nullcontext()
    with live, redirect_stderr(above), _log_to(above), looking:
        yield table
        live.refresh()


@contextmanager
def _log_to(file: FileProxy) -> Iterator[None]:
    """Warnings go to `file`; what is being done stands in the table."""
    logger = logging.getLogger("nerfzip")
    handlers, level = logger.handlers, logger.level
    logger.handlers = [logging.StreamHandler(file)]
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.handlers = handlers
        logger.setLevel(level)
