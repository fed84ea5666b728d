"""`nerfzip report`: from stored rows to files, and what bad input is answered."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest
from matplotlib.image import imread
from report_rows import make_curve, make_row

from nerfzip.benchmark.row import Row, write_row
from nerfzip.benchmark.store import frame
from nerfzip.cli import main
from nerfzip.report.curves import draw_curves
from nerfzip.report.extent import extent_of
from nerfzip.report.literature import comparable, paper_points
from nerfzip.report.metric import METRICS
from nerfzip.report.series import in_order_of_appearance
from nerfzip.report.write import Report, _bars

SCENES = ("chair", "drums", "ficus", "hotdog", "lego", "materials", "mic", "ship")


def store(folder: Path, rows: list[Row]) -> str:
    for index, row in enumerate(rows):
        write_row(folder / f"point-{index}" / "row.json", row)
    return str(folder)


def report(out: str, folder: Path, *words: str) -> int:
    return main(["report", out, "--out", str(folder), *words])


def test_a_report_has_tables_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row for scene in SCENES[:2] for row in make_curve("a/b", scene) + make_curve("[bold]c", scene, 0.8)]
    folder = tmp_path / "report"
    assert report(store(tmp_path / "out", rows), folder, "--anchor", "a/b") == 0
    figures = ("rd_average", "rd_chair", "rd_drums", "components", "time", "memory")
    expected = {f"{name}.{ending}" for name in figures for ending in ("png", "svg", "pdf")}
    expected |= {f"{name}.{ending}" for name in ("results", "bd", "components") for ending in ("md", "csv", "tex")}
    assert {file.name for file in folder.iterdir()} == expected | {"files.sha256", "report.html"}
    with (folder / "bd.csv").open() as file:
        lines = {line["scene"]: line for line in csv.DictReader(file)}
    assert float(lines["average"]["BD-rate (%)"]) == pytest.approx(-20, abs=1e-6)
    assert lines["chair"]["status"] == "ok"
    # 3.4 inches at 300 dots.
    assert imread(folder / "rd_average.png").shape[1] == 1020
    assert (folder / "rd_average.pdf").read_bytes().startswith(b"%PDF")
    printed = capsys.readouterr().out
    assert "[bold]c" in printed
    assert str(folder) in printed
    assert "they average 8 scenes, not 2" in printed


def test_training_views_have_differences_of_their_own(tmp_path: Path) -> None:
    def measured(label: str, factor: float) -> list[Row]:
        rows = make_curve(label, "lego", factor)
        return [replace(row, metrics={**row.metrics, "psnr_train": row.metrics["psnr"] + 3}) for row in rows]

    folder = tmp_path / "report"
    out = store(tmp_path / "out", measured("a", 1.0) + measured("b", 0.8) + make_curve("c", "lego", 0.5))
    assert report(out, folder, "--anchor", "a") == 0
    with (folder / "bd_train.csv").open() as file:
        lines = {line["label"]: line for line in csv.DictReader(file)}
    assert float(lines["b"]["BD-rate (%)"]) == pytest.approx(-20, abs=1e-6)
    assert (lines["c"]["BD-rate (%)"], lines["c"]["points"]) == ("", "0.0")


def test_what_is_slow_to_import_is_left_to_those_who_need_it(tmp_path: Path) -> None:
    out = store(tmp_path / "out", make_curve("a", "lego"))
    words = ["report", out, "--anchor", "a", "--out", str(tmp_path / "report")]
    program = f"""
import sys
import nerfzip.commands.report
from nerfzip.cli import main
print({{"torch", "matplotlib", "scipy"}} & sys.modules.keys())
main({words})
print("torch" in sys.modules)
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[0] == "set()"
    assert printed.splitlines()[-1] == "False"


def test_the_same_rows_give_the_same_files(tmp_path: Path) -> None:
    out = store(tmp_path / "out", make_curve("a", "lego"))
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        assert report(out, folder) == 0
    one, two = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
    assert one == two


def test_papers_are_hollow_and_beside_the_average_of_all_scenes() -> None:
    points = comparable(paper_points(), "nerf_synthetic", 8, "psnr")
    figure = draw_curves("t", METRICS["psnr"], {"a": ([1e6, 2e6], [30, 31], [nan, nan])}, points, ["a"])
    ours, *papers = figure.axes[0].get_lines()
    assert len(papers) == len(points) == 10
    assert ours.get_markerfacecolor() != "none"
    assert {line.get_markerfacecolor() for line in papers} == {"none"}
    # In MB; Table 1 of VQRF has 2.5 MiB for the first.
    assert papers[0].get_xdata() == pytest.approx(2.5 * 1.048576)


def test_error_bars_are_one_deviation_up_and_down() -> None:
    axes = draw_curves("t", METRICS["psnr"], {"a": ([2e6, 1e6], [31, 30], [0.5, nan])}, [], ["a"]).axes[0]
    (bars,) = axes.collections
    ((low, high),) = [segment.tolist() for segment in bars.get_segments()]
    assert (low, high) == ([2, 30.5], [2, 31.5])


def test_a_line_passes_by_points_that_are_larger_and_worse() -> None:
    """Such as float32 as published beside rates that are trained on."""
    nan3 = [nan, nan, nan]
    joined, beside = (
        draw_curves("t", METRICS["psnr"], {"a": ([9e6, 1e6, 2e6], [30.5, 30, 31], nan3)}, [], ["a"]).axes[0].get_lines()
    )
    assert joined.get_xydata().tolist() == [[1, 30], [2, 31]]
    assert (beside.get_xydata().tolist(), beside.get_linestyle()) == ([[9, 30.5]], "None")


def test_series_differ_without_colour() -> None:
    curves = {name: ([1e6, 2e6], [30, 31], [nan, nan]) for name in "abcdefgh"}
    lines = draw_curves("t", METRICS["psnr"], curves, [], list(curves)).axes[0].get_lines()
    assert len({line.get_marker() for line in lines}) == len(curves)
    assert len({line.get_linestyle() for line in lines}) > 3


def test_no_points_of_papers_beside_smaller_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"method_settings": {}, "dataset_settings": {"downscale": 2}}
    rows = [make_row("a", scene, "low", config=config) for scene in SCENES]
    assert report(store(tmp_path / "out", rows), tmp_path / "report") == 0
    assert "some rows are of smaller images" in capsys.readouterr().out


def test_small_components_are_one_part_of_the_bars() -> None:
    rows = [make_row("a", "lego", "low", size=1000, bytes_by_component={"x": 970, "y": 10, "z": 20})]
    ((_, _, _, names, sizes, parts, order), *_) = _bars(frame(rows), extent_of(frame(rows)), Report())
    assert (names, sizes, order) == (["a low"], [1000], ["x", "y", "z"])
    assert parts == {"x": [pytest.approx(97)], "z": [pytest.approx(2)], "all others": [pytest.approx(1)]}


def test_a_label_that_is_added_changes_the_order_of_no_other() -> None:
    rows = [make_row("m", "lego", "low", date="2026-01-01"), make_row("b", "lego", "low", date="2026-01-02")]
    assert in_order_of_appearance(frame(rows)) == ["m", "b"]
    assert in_order_of_appearance(frame([make_row("a", "lego", "low", date="2026-01-03"), *rows])) == ["m", "b", "a"]


def test_many_scenes_have_their_average_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [make_row("a", f"scene {index}", "low") for index in range(13)]
    assert report(store(tmp_path / "out", rows), tmp_path / "report") == 0
    assert [file.name for file in (tmp_path / "report").glob("rd_*.png")] == ["rd_average.png"]
    assert "--every-scene" in capsys.readouterr().out


def test_several_data_sets_have_names_of_their_own(tmp_path: Path) -> None:
    rows = make_curve("a", "lego") + make_curve("a", "fox", dataset="fox")
    assert report(store(tmp_path / "out", rows), tmp_path / "report") == 0
    names = {file.stem for file in (tmp_path / "report").glob("rd_*.png")}
    assert names == {"rd_fox_fox", "rd_nerf_synthetic_lego"}


def test_ablation_command(tmp_path: Path) -> None:
    rows = [*make_curve("a", "lego"), make_row("b", "lego", "low", settings={"bits": 4})]
    out = store(tmp_path / "out", rows)
    assert report(out, tmp_path / "report", "--anchor", "a", "--ablation", "low") == 0
    assert "bits=4" in (tmp_path / "report" / "ablation.md").read_text()


def test_points_without_a_row_are_expected_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path(store(tmp_path / "out", make_curve("a", "lego") + make_curve("b", "lego")))
    (out / "failed").mkdir()
    (out / "failed" / "failure.json").write_text('{"error": "E", "message": "m", "date": ""}')
    points = [
        {"label": "a", "method": "tiny", "dataset": "nerf_synthetic", "rate": "low", "reason": "", **point}
        for point in (
            {"scene": "lego", "seed": 0, "folder": "point-1"},
            {"scene": "lego", "seed": 1, "folder": "to-do"},
            {"scene": "ship", "seed": 0, "folder": "failed"},
            {"scene": None, "seed": 0, "folder": None, "reason": "no such capture"},
            {"scene": "lego", "seed": 0, "folder": "unmade", "rate": "huge"},
        )
    ]
    plan = {"schema": 1, "date": "2026-11-21T00:00:00+00:00", "words": [], "points": points}
    (out / "plan.json").write_text(json.dumps(plan))
    assert report(str(out), tmp_path / "report", "--anchor", "a") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "points without a row: 2 failed, 2 to do: a lego low seed 1; a ship low seed 0; " in printed
    assert "averages are not over all scenes and seeds" in printed
    results = (tmp_path / "report" / "results.md").read_text()
    assert "nerf_synthetic: 2 scenes, 2 seeds" in results
    assert "a at low: no average over scenes without ship" in results
    assert "b on lego: a lacks huge; without seed 1" in (tmp_path / "report" / "bd.md").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--anchor", "dvg"], "unknown anchor 'dvg'; did you mean dvgo?"),
        (["--metric", "lpips"], "no row has lpips: its weights were not found when the points were made; "),
        (["--anchor", "dvgo", "--interpolation", "spline"], "interpolation: 'spline'"),
        (["--ablation", "low"], "expected --anchor too"),
    ],
)
def test_bad_words(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    out = store(tmp_path / "out", make_curve("dvgo", "lego") + make_curve("vqrf", "lego"))
    assert report(out, tmp_path / "report", *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list((tmp_path / "report").glob("*.png"))


def test_bad_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(str(tmp_path / "nothing"), tmp_path / "report") == 2
    (tmp_path / "failed" / "point").mkdir(parents=True)
    (tmp_path / "failed" / "point" / "failure.json").write_text('{"error": "E", "message": "m", "date": ""}')
    assert report(str(tmp_path / "failed"), tmp_path / "report") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "no result store" in lines[0]
    assert "no point of it is complete" in lines[1]
    (tmp_path / "a file").write_text("")
    assert report(store(tmp_path / "out", make_curve("a", "lego")), tmp_path / "a file") == 2
