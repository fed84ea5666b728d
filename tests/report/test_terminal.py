"""Tables on terminals of several widths: no cell is folded, and what is left out is named."""

from pathlib import Path

import pytest
from report_rows import make_curve, make_row
from rich.console import Console

from nerfzip.benchmark.store import frame
from nerfzip.report import terminal
from nerfzip.report.results import results_table
from nerfzip.report.table import Column, Number, Row, Table, number_text
from nerfzip.report.terminal import NO_LIMIT, print_tables


def printed(table: Table, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(terminal, "table_console", lambda _: Console(width=width))
    print_tables({"results": table}, Path("folder"))
    return capsys.readouterr().out


@pytest.fixture
def table() -> Table:
    rows = [
        row for seed in range(2) for row in make_curve("vqrf/paper", "lego", 1 + 0.03 * seed, 0.1 * seed, seed=seed)
    ]
    return results_table(frame([*rows, make_row("other", "lego", "low", seed=0, metrics={"lpips": 0.1})]))


@pytest.mark.parametrize("width", [80, 120, NO_LIMIT])
def test_each_row_is_one_line(
    table: Table, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(table, width, monkeypatch, capsys).splitlines()
    assert max(map(len, lines)) <= width
    for row in table.rows:
        size = row.cells[3]
        assert isinstance(size, Number)
        text = number_text(size, table.columns[3])
        assert [line for line in lines if str(row.cells[1]) in line and str(row.cells[2]) in line and text in line]
    if width == 80:
        (note,) = [line for line in lines if line.startswith("no room for ")]
        assert "peak memory, decode (MB): see folder/results.md" in " ".join(lines[lines.index(note) :])
    if width == NO_LIMIT:
        numbers = [(cell, column) for row in table.rows for cell, column in zip(row.cells, table.columns, strict=True)]
        texts = [number_text(cell, column) for cell, column in numbers if isinstance(cell, Number)]
        assert all(any(text in line for line in lines) for text in texts)
        assert "no room" not in "".join(lines)


def test_a_data_set_goes_only_where_it_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = [Column("data set"), Column("label"), Column("size", "kB", 1)]
    for datasets, left_out in ((("nerf_synthetic", "nerf_synthetic"), True), (("nerf_synthetic", "fox"), False)):
        rows = [Row([dataset, "a long label", Number(1.0)]) for dataset in datasets]
        shown = printed(Table("T", columns, rows), 25, monkeypatch, capsys)
        assert ("no room for data set" in shown) == left_out
        assert "a long label" in shown
