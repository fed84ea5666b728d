"""BD-rates with the curves of papers: on request, marked, between averages."""

from math import isnan
from pathlib import Path

import pytest
from report_rows import RATES, make_curve

from nerfzip.benchmark.row import Row, write_row
from nerfzip.cli import main
from nerfzip.report.literature import paper_curves, paper_points
from nerfzip.report.table import Number, places
from nerfzip.report.write import Report, ReportSettings, write_report

# Half the sizes of `make_curve` at the same quality; m has the same points without a name for its curve.
POINTS = "".join(
    f"      - {{method: {method}, psnr: {28 + index}, size: {size / 2000}{extra}}}\n"
    for method, extra in (("Theirs", ""), ("Varied", ", variant: v, curve: bits"), ("Ablated", ", variant: w"))
    for index, size in enumerate(RATES.values())
)
PAPER = f"""\
paper: P
tables:
  - source: Table 7
    dataset: grey
    scenes: 2
    unit: kB
    counts: codes alone
    points:
      - {{method: Single, psnr: 30, size: 1}}
      - {{method: Short, psnr: 28, size: 10}}
      - {{method: Short, psnr: 30, size: 60}}
{POINTS}"""


@pytest.fixture
def papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf/literature").mkdir(parents=True)
    (tmp_path / "conf/literature/p.yaml").write_text(PAPER)
    monkeypatch.setenv("NERFZIP_CONF", str(tmp_path / "conf"))


def rows(**fields: object) -> list[Row]:
    scenes = ("x", "y")
    ours = [row for scene in scenes for row in make_curve("a", scene, dataset="grey", **fields)]
    return ours + [row for scene in scenes for row in make_curve("b", scene, 0.8, dataset="grey", **fields)]


def report(tmp_path: Path, anchor: str, with_papers: bool = True, **fields: object) -> Report:
    return write_report(rows(**fields), tmp_path / "report", ReportSettings(anchor=anchor, with_papers=with_papers))


def lines(report: Report) -> dict[tuple[str, str], list[Number]]:
    """By label and scene."""
    return {(row.cells[1], row.cells[2]): row.cells[3:5] for row in report.tables["bd"].rows}  # type: ignore[misc]


@pytest.mark.usefixtures("papers")
def test_papers_enter_on_request_alone(tmp_path: Path) -> None:
    plain = report(tmp_path, "a", with_papers=False)
    assert {label for label, _ in lines(plain)} == {"b"}
    assert not any("mix" in remark for remark in plain.remarks)
    mixed = report(tmp_path, "a")
    assert {label for label, scene in lines(mixed) if scene == "average curve"} == {
        "Theirs [P]",
        "Varied, bits [P]",
        "Short [P]",
    }
    assert any("Theirs [P]" in remark and "mix the protocols" in remark for remark in mixed.remarks)
    # Our own lines are as before.
    own = [repr(row) for row in mixed.tables["bd"].rows if row.cells[2] != "average curve"]
    assert own == [repr(row) for row in plain.tables["bd"].rows]


@pytest.mark.usefixtures("papers")
def test_a_papers_numbers_are_marked_and_never_best(tmp_path: Path) -> None:
    mixed = report(tmp_path, "a")
    rate, metric = lines(mixed)["Theirs [P]", "average curve"]
    assert rate.value == pytest.approx(-50, abs=1e-6)
    assert metric.value > 0
    assert rate.note == (
        "Theirs [P]: mixes protocols (Theirs [P]: Table 7, size is codes alone), between curves of averages"
    )
    short, _ = lines(mixed)["Short [P]", "average curve"]
    assert not isnan(short.value)
    assert short.note.endswith("; 2 points, fewer than 4")
    table = mixed.tables["bd"]
    assert {table.rows[index].cells[1] for index, _ in places(table)} <= {"a", "b"}
    text = (tmp_path / "report/bd.md").read_text()
    assert "| -50.0 †" in text


@pytest.mark.usefixtures("papers")
def test_a_paper_as_the_anchor(tmp_path: Path) -> None:
    table = lines(report(tmp_path, "Theirs [P]"))
    assert {scene for _, scene in table} == {"average curve"}
    assert table["a", "average curve"][0].value == pytest.approx(100, abs=1e-6)
    assert table["b", "average curve"][0].value == pytest.approx(60, abs=1e-6)
    assert table["Varied, bits [P]", "average curve"][0].value == pytest.approx(0, abs=1e-6)
    assert all(number.note for numbers in table.values() for number in numbers)


@pytest.mark.usefixtures("papers")
def test_our_curve_is_the_average_one(tmp_path: Path) -> None:
    uneven = [*make_curve("a", "x", 0.5, dataset="grey"), *make_curve("a", "y", 1.5, dataset="grey")]
    settings = ReportSettings(anchor="Theirs [P]", with_papers=True)
    table = lines(write_report(uneven, tmp_path, settings))
    # The mean of the sizes is `RATES`; the BD-rates of the scenes, 0 and 200, would average to the same by luck only.
    assert table["a", "average curve"][0].value == pytest.approx(100, abs=1e-6)
    squares = [*make_curve("a", "x", 1.0, 1.0, dataset="grey"), *make_curve("a", "y", 1.0, -1.0, dataset="grey")]
    table = lines(write_report(squares, tmp_path, settings))
    assert table["a", "average curve"][0].value == pytest.approx(100, abs=1e-6)


@pytest.mark.usefixtures("papers")
def test_smaller_images_or_other_scenes_are_not_compared(tmp_path: Path) -> None:
    small = report(tmp_path, "a", config={"method_settings": {}, "dataset_settings": {"downscale": 2}})
    assert {label for label, _ in lines(small)} == {"b"}
    assert any("no curve of a paper" in remark for remark in small.remarks)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], papers: None) -> None:
    for index, row in enumerate(rows()):
        write_row(tmp_path / f"out/{index}/row.json", row)
    words = ["report", str(tmp_path / "out"), "--out", str(tmp_path / "report")]
    assert main([*words, "--with-papers"]) == 2
    assert "expected --anchor too" in capsys.readouterr().err
    assert main([*words, "--anchor", "Theirs [P]"]) == 2
    assert "unknown anchor 'Theirs [P]'" in capsys.readouterr().err
    assert main([*words, "--anchor", "Theirs [P]", "--with-papers"]) == 0
    printed = capsys.readouterr().out
    assert "mix the protocols" in printed
    assert "mixes protocols" in printed


def test_vqrf_has_two_curves() -> None:
    curves = paper_curves(paper_points(), "nerf_synthetic", 8, "psnr")
    assert {name: len(points) for name, points in curves.items()} == {
        "VQ-DVGO, keep [VQRF]": 4,
        "VQ-DVGO, codebook [VQRF]": 6,
    }
