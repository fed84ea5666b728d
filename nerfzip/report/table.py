"""A table of texts and numbers: what is best, what is doubtful, and why. `table_formats` writes it."""

from collections import defaultdict
from dataclasses import dataclass
from math import isnan, nan


@dataclass(frozen=True)
class Column:
    """`better` is 1 where higher is better, -1 where lower is, 0 where neither is."""

    heading: str
    unit: str = ""
    decimals: int = 0
    better: int = 0

    @property
    def title(self) -> str:
        return f"{self.heading} ({self.unit})" if self.unit else self.heading


@dataclass(frozen=True)
class Number:
    """A value; NaN is shown as a dash. One with a `note` is marked, explained below the table and never called best."""

    value: float
    deviation: float = nan
    note: str = ""


Cell = str | Number


@dataclass(frozen=True)
class Row:
    """Cells are compared with those of the rows of the same `group`."""

    cells: list[Cell]
    group: str = ""


@dataclass(frozen=True)
class Table:
    title: str
    columns: list[Column]
    rows: list[Row]

    def is_numeric(self, place: int) -> bool:
        """Whether any cell of the column at `place` is a number."""
        return any(isinstance(row.cells[place], Number) for row in self.rows)

    def notes(self) -> list[str]:
        """Every note once, in the order of the cells; a cell's mark is its note's place, counted from 1."""
        numbers = (cell for row in self.rows for cell in row.cells if isinstance(cell, Number))
        return list(dict.fromkeys(number.note for number in numbers if number.note))


def number_text(number: Number, column: Column) -> str:
    if isnan(number.value):
        return "–"
    text = f"{number.value:.{column.decimals}f}"
    return text if isnan(number.deviation) else f"{text} ± {number.deviation:.{column.decimals}f}"


def places(table: Table) -> dict[tuple[int, int], int]:
    """The cells (row, column) that are best, 1, and second, 2, of their column and group.

    Numbers that are printed alike share their place. Where there are fewer than two different ones, none is best.
    """
    found: dict[tuple[int, int], int] = {}
    for position, column in enumerate(table.columns):
        if not column.better:
            continue
        groups: dict[str, dict[float, list[int]]] = defaultdict(lambda: defaultdict(list))
        for index, row in enumerate(table.rows):
            cell = row.cells[position]
            if isinstance(cell, Number) and not isnan(cell.value) and not cell.note:
                groups[row.group][round(cell.value, column.decimals)].append(index)
        for values in groups.values():
            ranked = sorted(values, key=lambda value: -column.better * value)
            for place, value in enumerate(ranked[:2] if len(ranked) > 1 else [], start=1):
                found |= {(index, position): place for index in values[value]}
    return found
