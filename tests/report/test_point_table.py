"""Differences to one point, LABEL/RATE: by hand, and where they are written."""

import csv
from math import isnan
from pathlib import Path

import pytest
from report_rows import make_curve, make_row

from nerfzip.benchmark.row import Row, write_row
from nerfzip.benchmark.store import frame
from nerfzip.cli import main
from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.report.point_table import point_table
from nerfzip.report.table import Number, Table, places
from nerfzip.report.write import ReportSettings, write_report


def numbers(table: Table, label: str, rate: str) -> dict[str, Number]:
    """The numbers of the one row of a label and rate, by the titles of their columns."""
    (row,) = [row for row in table.rows if row.cells[1:3] == [label, rate]]
    titles = [column.title for column in table.columns]
    return {title: cell for title, cell in zip(titles, row.cells, strict=True) if isinstance(cell, Number)}


def values(table: Table, label: str, rate: str) -> dict[str, float]:
    return {title: number.value for title, number in numbers(table, label, rate).items()}


def report(tmp_path: Path, rows: list[Row], *words: str) -> int:
    for index, row in enumerate(rows):
        write_row(tmp_path / f"out/{index}/row.json", row)
    return main(["report", str(tmp_path / "out"), "--out", str(tmp_path / "report"), *words])


def test_differences_by_hand() -> None:
    rows = [
        make_row("maps", "lego", "paper", size=1000, psnr=30.0, metrics={"ssim": 0.95, "lpips": 0.10}),
        make_row("maps", "ship", "paper", size=4000, psnr=28.0, metrics={"ssim": 0.85, "lpips": 0.20}),
        make_row("maps", "lego", "low", size=100, psnr=29.5, metrics={"ssim": 0.94, "lpips": 0.12}),
        make_row("maps", "ship", "low", size=200, psnr=28.1, metrics={"ssim": 0.83, "lpips": 0.22}),
        make_row("other", "lego", "low", size=2000, psnr=31.0, metrics={"ssim": 0.97, "lpips": 0.05}),
        make_row("other", "ship", "low", size=8000, psnr=31.0, metrics={"ssim": 0.87, "lpips": 0.15}),
    ]
    table = point_table(frame(rows), "maps", "paper")
    assert table.title == "Differences to maps/paper"
    assert [row.cells[:3] for row in table.rows] == [
        ["nerf_synthetic", "maps", "low"],
        ["nerf_synthetic", "other", "low"],
    ]
    # The mean of 10 % and 5 %, not 300 of 5000 bytes.
    assert values(table, "maps", "low") == {
        "relative size (%)": pytest.approx(7.5),
        "times smaller": pytest.approx(100 / 7.5),
        "Δ PSNR (dB)": pytest.approx((-0.5 + 0.1) / 2),
        "Δ SSIM": pytest.approx(-0.015),
        "Δ LPIPS": pytest.approx(0.02),
    }
    assert values(table, "other", "low") == {
        "relative size (%)": pytest.approx(200),
        "times smaller": pytest.approx(0.5),
        "Δ PSNR (dB)": pytest.approx(2),
        "Δ SSIM": pytest.approx(0.02),
        "Δ LPIPS": pytest.approx(-0.05),
    }
    # The size of maps is best, each quality of the other.
    assert {cell for cell, place in places(table).items() if place == 1} == {(0, 3), (1, 5), (1, 6), (1, 7)}


def test_the_deviation_is_over_seeds_that_are_compared_with_their_own() -> None:
    rows = [
        make_row("a", "lego", "paper", size=1000, psnr=30.0, seed=0),
        make_row("a", "lego", "paper", size=2000, psnr=33.0, seed=1),
        make_row("b", "lego", "low", size=100, psnr=30.0, seed=0),
        make_row("b", "lego", "low", size=600, psnr=35.0, seed=1),
    ]
    found = numbers(point_table(frame(rows), "a", "paper"), "b", "low")
    size, psnr = found["relative size (%)"], found["Δ PSNR (dB)"]
    assert (size.value, size.deviation) == (pytest.approx(20), pytest.approx(200**0.5))
    assert (psnr.value, psnr.deviation) == (pytest.approx(1), pytest.approx(2**0.5))
    assert not size.note


def test_the_anchors_only_seed_is_every_seeds() -> None:
    rows = [make_row("a", "lego", "paper", size=1000, psnr=30.0, seed=3)]
    rows += [make_row("b", "lego", "low", size=size, psnr=29.0, seed=seed) for seed, size in enumerate((100, 300))]
    assert values(point_table(frame(rows), "a", "paper"), "b", "low")["relative size (%)"] == pytest.approx(20)


def test_what_has_no_counterpart_is_a_dash_that_says_why() -> None:
    rows = [make_row("a", "lego", "paper", seed=seed) for seed in (0, 1)]
    rows += [make_row("b", "lego", "low", seed=seed) for seed in (0, 2)] + [make_row("b", "ship", "low")]
    rows += [make_row("c", "lego", "low", seed=seed) for seed in (0, 1)]
    table = point_table(frame(rows), "a", "paper")
    for number in numbers(table, "b", "low").values():
        assert isnan(number.value)
        assert number.note == (
            "b at low: lego: the anchor has no seed 2; ship: the anchor has no such scene; "
            "without seed 1, and without seed 2 on ship"
        )
    for number in numbers(table, "c", "low").values():
        assert number.note == "c at low: no average over scenes without ship"


def test_another_data_set_has_no_such_scene() -> None:
    rows = [make_row("a", "lego", "paper"), make_row("b", "fox", "low", dataset="fox"), make_row("b", "lego", "low")]
    table = point_table(frame(rows), "a", "paper")
    notes = [cell.note for row in table.rows for cell in row.cells[3:4] if isinstance(cell, Number)]
    assert notes == ["b at low: fox: the anchor has no such scene", ""]


def test_a_metric_that_the_anchor_lacks_is_left_out() -> None:
    rows = [make_row("a", "lego", "paper"), make_row("b", "lego", "low", metrics={"lpips": 0.1})]
    assert "Δ LPIPS" not in values(point_table(frame(rows), "a", "paper"), "b", "low")


def test_a_point_alone_has_nothing_to_compare_with() -> None:
    with pytest.raises(NerfzipError, match="anchor a/paper: every row is of this point"):
        point_table(frame([make_row("a", "lego", "paper")]), "a", "paper")


def test_the_command_has_it_where_bd_rates_would_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*make_curve("maps", "lego"), make_row("maps", "lego", "paper", size=1_000_000, psnr=32.0)]
    assert report(tmp_path, rows, "--anchor", "maps/paper") == 0
    assert "Differences to maps/paper" in capsys.readouterr().out
    names = {file.name for file in (tmp_path / "report").iterdir()}
    assert {"differences.md", "differences.csv", "differences.tex"} <= names
    assert "bd.md" not in names
    assert "Differences to maps/paper" in (tmp_path / "report/report.html").read_text()
    with (tmp_path / "report/differences.csv").open() as file:
        lines = {line["rate"]: line for line in csv.DictReader(file)}
    assert list(lines) == ["tiny", "low", "medium", "high"]
    assert float(lines["tiny"]["relative size (%)"]) == pytest.approx(2)
    assert float(lines["tiny"]["times smaller"]) == pytest.approx(50)
    assert float(lines["tiny"]["Δ PSNR (dB)"]) == pytest.approx(-4)


def test_a_label_comes_before_a_point(tmp_path: Path) -> None:
    rows = [*make_curve("vqrf/paper", "lego"), *make_curve("vqrf", "lego", 0.5), make_row("vqrf", "lego", "paper")]
    tables = write_report(rows, tmp_path, ReportSettings(anchor="vqrf/paper")).tables
    assert "differences" not in tables
    assert tables["bd"].title.startswith("Bjøntegaard differences to vqrf/paper")
    tables = write_report(rows, tmp_path, ReportSettings(anchor="vqrf/paper/low")).tables
    assert "bd" not in tables
    assert values(tables["differences"], "vqrf", "low")["times smaller"] == pytest.approx(2)


def test_an_unknown_anchor_is_offered_labels_and_points(tmp_path: Path) -> None:
    rows = [make_row("maps", "lego", "low"), make_row("maps", "lego", "paper")]
    with pytest.raises(ConfigError, match=r"unknown anchor 'maps/papr'; did you mean maps/paper, maps\?"):
        write_report(rows, tmp_path, ReportSettings(anchor="maps/papr"))
    with pytest.raises(ConfigError, match="unknown anchor 'x'; there are: maps, maps/low, maps/paper"):
        write_report(rows, tmp_path, ReportSettings(anchor="x"))


def test_an_ablation_is_of_the_points_label(tmp_path: Path) -> None:
    rows = [*make_curve("a", "lego"), make_row("b", "lego", "low", settings={"bits": 4})]
    tables = write_report(rows, tmp_path, ReportSettings(anchor="a/high", ablation="low")).tables
    assert tables["ablation"].title == "Ablation of a at low"


def test_papers_have_curves_and_no_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(tmp_path, make_curve("a", "lego"), "--anchor", "a/low", "--with-papers") == 2
    assert "--with-papers: expected an anchor that is a curve, found the point a/low" in capsys.readouterr().err
