"""A table as Markdown, as LaTeX (booktabs), and as CSV with every digit."""

import csv
import io
from collections.abc import Callable
from math import isnan

from nerfzip.report.table import Cell, Column, Number, Table, number_text, places

LINES_OF_A_PAGE = 40
"""Of a LaTeX table; a longer one is several."""

_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # Behind the end of a line these would be its arguments.
    "[": "{[}",
    "*": "{*}",
    # In LaTeX's oldest encoding of fonts these are other characters.
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    "±": r"$\pm$",
    "×": r"$\times$",
    "Δ": r"$\Delta$",
    "†": r"$\dagger$",
    "…": r"\ldots{}",
    "—": "---",
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
    rules = ["---:" if table.is_numeric(place) else "---" for place in range(len(headings))]
    lines = [_line(headings), _line(rules), *(_line(row) for row in _texts(table, text))]
    footnotes = [f"†{number} {note}" for number, note in enumerate(notes, start=1)]
    return "\n\n".join([f"## {table.title}", "\n".join(lines), *footnotes]) + "\n"


def latex(table: Table) -> str:
    r"""`table` environments that need \usepackage{booktabs} and \usepackage{graphicx}.

    They are as wide as the text at most. Each has a page's lines; a data set that is the same in all is in the caption.
    """

    def text(index: int, position: int, cell: Cell) -> str:
        if isinstance(cell, str):
            return escape_latex(cell)
        marked = escape_latex(number_text(cell, table.columns[position]).replace("-", "−"))
        place = ranks.get((index, position))
        marked = rf"\textbf{{{marked}}}" if place == 1 else rf"\underline{{{marked}}}" if place == 2 else marked
        return rf"{marked}$^{{\dagger {notes.index(cell.note) + 1}}}$" if cell.note else marked

    ranks, notes = places(table), table.notes()
    texts = _texts(table, text)
    dropped, caption = _caption(table)
    alignment = "".join("r" if table.is_numeric(place) else "l" for place in range(dropped, len(table.columns)))
    headings = " & ".join(_stacked(column) for column in table.columns[dropped:])
    pages = []
    for first in range(0, max(len(texts), 1), LINES_OF_A_PAGE):
        page = slice(first, first + LINES_OF_A_PAGE)
        marks = {cell.note for row in table.rows[page] for cell in row.cells if isinstance(cell, Number) and cell.note}
        pages += [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{caption}{', continued' if first else ''}}}",
            r"\smallskip",
            r"\setlength{\tabcolsep}{4pt}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            rf"{headings} \\",
            r"\midrule",
            *(" & ".join(row[dropped:]) + r" \\" for row in texts[page]),
            r"\bottomrule",
            r"\end{tabular}}",
            *(
                rf"\par\footnotesize\raggedright $^{{\dagger {number}}}$ {escape_latex(note)}"
                for number, note in enumerate(notes, start=1)
                if note in marks
            ),
            r"\end{table}",
        ]
    return "\n".join(pages) + "\n"


def _caption(table: Table) -> tuple[int, str]:
    """How many columns are left out, 0 or 1, and the caption, which then says what that column does."""
    datasets = {str(row.cells[0]) for row in table.rows} if table.columns[0].heading == "data set" else set()
    if len(datasets) != 1:
        return 0, escape_latex(table.title)
    (dataset,) = datasets
    return 1, escape_latex(table.title if dataset in table.title else f"{table.title}, {dataset}")


def _stacked(column: Column) -> str:
    """A heading with its words above each other."""
    words = [escape_latex(word) for word in column.title.split()]
    return r"\shortstack{" + r" \\ ".join(words) + "}" if len(words) > 1 else "".join(words)


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
