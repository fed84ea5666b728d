"""A table as Markdown, as LaTeX (booktabs), and as CSV with every digit."""

import csv
import io
from collections.abc import Callable
from math import isnan

from nerfzip.report.table import Cell, Number, Table, number_text, places

_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "−": "$-$",
    "·": r"$\cdot$",
}


def markdown(table: Table) -> str:
    """The best is bold, the second underlined; † and a number lead to the notes below."""

    def text(index: int, position: int, cell: Cell) -> str:
        if isinstance(cell, str):
            return cell.replace("|", r"\|")
        marked = number_text(cell, table.columns[position])
        place = ranks.get((index, position))
        marked = f"**{marked}**" if place == 1 else f"<u>{marked}</u>" if place == 2 else marked
        return f"{marked} †{notes.index(cell.note) + 1}" if cell.note else marked

    ranks, notes = places(table), table.notes()
    headings = [column.title for column in table.columns]
    rules = ["---:" if numeric else "---" for numeric in _numeric(table)]
    lines = [_line(headings), _line(rules), *(_line(row) for row in _texts(table, text))]
    footnotes = [f"†{number} {note}" for number, note in enumerate(notes, start=1)]
    return "\n\n".join([f"## {table.title}", "\n".join(lines), *footnotes]) + "\n"


def latex(table: Table) -> str:
    r"""A `table` environment that needs \usepackage{booktabs}."""

    def text(index: int, position: int, cell: Cell) -> str:
        if isinstance(cell, str):
            return escape_latex(cell)
        marked = escape_latex(number_text(cell, table.columns[position]).replace("-", "−"))
        place = ranks.get((index, position))
        marked = rf"\textbf{{{marked}}}" if place == 1 else rf"\underline{{{marked}}}" if place == 2 else marked
        return rf"{marked}$^{{\dagger {notes.index(cell.note) + 1}}}$" if cell.note else marked

    ranks, notes = places(table), table.notes()
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(table.title)}}}",
        rf"\begin{{tabular}}{{{''.join('r' if numeric else 'l' for numeric in _numeric(table))}}}",
        r"\toprule",
        " & ".join(escape_latex(column.title) for column in table.columns) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in _texts(table, text)),
        r"\bottomrule",
        r"\end{tabular}",
        *(
            rf"\par\footnotesize $^{{\dagger {number}}}$ {escape_latex(note)}"
            for number, note in enumerate(notes, start=1)
        ),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def comma_separated(table: Table) -> str:
    """Every digit; a missing number is empty. Deviations and notes have columns of their own where there are any."""
    with_deviation = [
        any(isinstance(cell := row.cells[place], Number) and not isnan(cell.deviation) for row in table.rows)
        for place in range(len(table.columns))
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    headings: list[str] = []
    for column, has_deviation in zip(table.columns, with_deviation, strict=True):
        headings += [column.title, f"{column.heading} deviation"] if has_deviation else [column.title]
    writer.writerow([*headings, "note"] if table.notes() else headings)
    for row in table.rows:
        cells: list[str] = []
        for cell, has_deviation in zip(row.cells, with_deviation, strict=True):
            cells += _fields(cell, has_deviation)
        notes = dict.fromkeys(cell.note for cell in row.cells if isinstance(cell, Number) and cell.note)
        writer.writerow([*cells, "; ".join(notes)] if table.notes() else cells)
    return buffer.getvalue()


def escape_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


FORMATS: dict[str, Callable[[Table], str]] = {"md": markdown, "csv": comma_separated, "tex": latex}
"""By the ending of the file."""


def _numeric(table: Table) -> list[bool]:
    return [any(isinstance(row.cells[place], Number) for row in table.rows) for place in range(len(table.columns))]


def _texts(table: Table, text: Callable[[int, int, Cell], str]) -> list[list[str]]:
    return [
        [text(index, position, cell) for position, cell in enumerate(row.cells)] for index, row in enumerate(table.rows)
    ]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _fields(cell: Cell, has_deviation: bool) -> list[str]:
    if isinstance(cell, str):
        return [cell]
    numbers = [cell.value, cell.deviation] if has_deviation else [cell.value]
    return ["" if isnan(number) else repr(float(number)) for number in numbers]
