"""A table on the terminal."""

from rich import box
from rich.table import Table as TerminalTable
from rich.text import Text

from nerfzip.console import table_console
from nerfzip.report.table import Cell, Column, Number, Table, number_text

WIDTH = 160
"""Characters, of a log or a pipe."""


def print_tables(tables: list[Table]) -> None:
    console = table_console(WIDTH)
    for table in tables:
        console.print(_terminal_table(table))


def _terminal_table(table: Table) -> TerminalTable:
    notes = table.notes()
    caption = "\n".join(f"†{number} {note}" for number, note in enumerate(notes, start=1)) or None
    shown = TerminalTable(title=Text(table.title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    shown.caption = Text(caption) if caption else None
    shown.title_justify = shown.caption_justify = "left"
    for position, column in enumerate(table.columns):
        numeric = any(isinstance(row.cells[position], Number) for row in table.rows)
        shown.add_column(column.title, justify="right" if numeric else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(_text(cell, column, notes) for cell, column in zip(row.cells, table.columns, strict=True)))
    return shown


def _text(cell: Cell, column: Column, notes: list[str]) -> Text:
    if isinstance(cell, str):
        return Text(cell)
    return Text(number_text(cell, column) + (f" †{notes.index(cell.note) + 1}" if cell.note else ""))
