"""Where tables are printed."""

import sys

from rich.console import Console


def table_console(width: int = 120) -> Console:
    """Standard output, as wide as the terminal; a log or a pipe has no width, and gets `width`."""
    return Console(width=None if sys.stdout.isatty() else width)
