"""A table on the terminal: a cell is always one line, and columns for which there is no room are left out."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as TerminalTable
from rich.text import Text

from nerfzip.console import table_console
from nerfzip.report.table import Cell, Column, Number, Table, number_text

NO_LIMIT = 100_000
"""Characters, of a log or a pipe."""


def print_tables(tables: Mapping[str, Table], folder: Path) -> None:
    """Print tables whose files, of the same names, are in `folder`.

    On a narrow terminal a data set that is the same in all rows is left out, and numbers from the right; below the
    table it is said which, and the file that has them. The first number stays, even where it is too wide.
    """
    room = table_console(NO_LIMIT).width
    for name, table in tables.items():
        notes = table.notes()
        kept = _fitting(table, notes, room)
        shown = _terminal_table(table, kept, notes)
        console = Console(width=max(room, _width(shown)))
        console.print(Text(table.title, style="table.title"))
        console.print(shown)
        marks = {cell.note for row in table.rows for i in kept if isinstance(cell := row.cells[i], Number)}
        for number, note in enumerate(notes, start=1):
            if note in marks:
                console.print(Text(f"†{number} {note}", style="table.caption"))
        if left_out := [column.title for i, column in enumerate(table.columns) if i not in kept]:
            text = f"no room for {', '.join(left_out)}: see {folder / name}.md"
            console.print(Text(text, style="table.caption"))
        console.print()


def _fitting(table: Table, notes: list[str], room: int) -> list[int]:
    """The places of the columns to show."""
    kept = list(range(len(table.columns)))
    datasets = {row.cells[0] for row in table.rows}
    spared = [0] if table.columns[0].heading == "data set" and len(datasets) == 1 else []
    spared += [place for place in reversed(kept) if table.is_numeric(place)][:-1]
    for place in spared:
        if _width(_terminal_table(table, kept, notes)) <= room:
            break
        kept.remove(place)
    return kept


def _width(shown: TerminalTable) -> int:
    console = Console(width=NO_LIMIT)
    return Measurement.get(console, console.options, shown).maximum


def _terminal_table(table: Table, kept: list[int], notes: list[str]) -> TerminalTable:
    shown = TerminalTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    texts = {place: [_text(row.cells[place], table.columns[place], notes) for row in table.rows] for place in kept}
    for place in kept:
        # A heading has several lines rather than a wide column.
        words = table.columns[place].title
        width = max(map(cell_len, [*words.split(), *texts[place], "x"]))
        heading = "\n".join(textwrap.wrap(words, width))
        shown.add_column(Text(heading), justify="right" if table.is_numeric(place) else "left", no_wrap=True)
    for line in zip(*texts.values(), strict=True):
        shown.add_row(*map(Text, line))
    return shown


def _text(cell: Cell, column: Column, notes: list[str]) -> str:
    if isinstance(cell, str):
        return cell
    return number_text(cell, column) + (f" †{notes.index(cell.note) + 1}" if cell.note else "")
