"""`nerfzip report`: stored rows to tables and figures."""

from argparse import Namespace

from rich import box
from rich.table import Table
from rich.text import Text

from nerfzip.benchmark import store
from nerfzip.console import table_console
from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.report import table as report_table
from nerfzip.report.table import Number, number_text
from nerfzip.report.write import ReportSettings, write_report


def main(arguments: Namespace) -> int:
    if arguments.ablation and not arguments.anchor:
        raise ConfigError("--ablation: expected --anchor too, the label that the rate belongs to")
    settings = ReportSettings(
        anchor=arguments.anchor,
        metric=arguments.metric,
        interpolation=arguments.interpolation,
        ablation=arguments.ablation,
        every_scene=arguments.every_scene,
    )
    rows = store.rows(arguments.folder)
    if not rows:
        raise NerfzipError(f"{arguments.folder}: no point of it is complete; `nerfzip status` says how far they are")
    report = write_report(rows, arguments.out, settings)
    console = table_console(160)
    for name in ("results", "bd", "ablation"):
        if name in report.tables:
            console.print(_terminal_table(report.tables[name]))
    for remark in report.remarks:
        print(remark)
    print(f"{arguments.out}: {len(report.files)} files: {', '.join(dict.fromkeys(f.stem for f in report.files))}")
    return 0


def _terminal_table(table: report_table.Table) -> Table:
    notes = table.notes()
    caption = "\n".join(f"†{number} {note}" for number, note in enumerate(notes, start=1)) or None
    shown = Table(title=Text(table.title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    shown.caption = Text(caption) if caption else None
    shown.title_justify = shown.caption_justify = "left"
    for position, column in enumerate(table.columns):
        numeric = any(isinstance(row.cells[position], Number) for row in table.rows)
        shown.add_column(column.title, justify="right" if numeric else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(_text(cell, column, notes) for cell, column in zip(row.cells, table.columns, strict=True)))
    return shown


def _text(cell: report_table.Cell, column: report_table.Column, notes: list[str]) -> Text:
    if isinstance(cell, str):
        return Text(cell)
    return Text(number_text(cell, column) + (f" †{notes.index(cell.note) + 1}" if cell.note else ""))
