"""`nerfzip status`: every state a point can be in."""

import json
from pathlib import Path

import pytest

from nerfzip.benchmark.locks import exclusive
from nerfzip.benchmark.plan import make_plan, write_plan
from nerfzip.benchmark.plan_file import read_plans
from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.cli import main

Captured = pytest.CaptureFixture[str]


def status(out: Path, captured: Captured) -> tuple[dict[str, str], list[str]]:
    """The columns of the last line of the table by heading, and the lines under the table."""
    captured.readouterr()
    assert main(["status", str(out)]) == 0
    text = captured.readouterr().out.replace("to do", "to_do")
    table, _, below = text.rpartition(" \n")
    table = table.replace("no capture", "no_capture")
    filled = [line.split() for line in table.splitlines() if line.strip(" ─")]
    headings, last = filled[0], filled[-1]
    return dict(zip(reversed(headings), reversed(last), strict=False)), below.splitlines()


@pytest.mark.usefixtures("decode_here")
def test_each_state_is_counted_and_explained(tiny: list[str], tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "out"
    main(["sweep", *tiny, "rate=all"])
    counts, below = status(out, capsys)
    assert (counts["points"], counts["done"], counts["failed"]) == ("3", "2", "1")
    assert [line.partition(": ")[2] for line in below] == ["levels=1: expected at least 2"]

    fine, coarse = (next(out.glob(f"*-{rate}-*")) for rate in ("fine", "coarse"))
    (fine / "row.json").unlink()
    for file in coarse.iterdir():
        if file.is_file():
            file.unlink()
    counts, below = status(out, capsys)
    assert [counts[state] for state in ("done", "failed", "unfinished", "to_do")] == ["0", "1", "1", "1"]
    assert f"unfinished {fine.name}" in below

    with exclusive(fine / "lock", "the test"):
        counts, below = status(out, capsys)
    assert [counts[state] for state in ("done", "running", "failed", "to_do")] == ["0", "1", "1", "1"]
    assert f"running {fine.name}" in below


@pytest.mark.usefixtures("decode_here")
def test_the_plans_of_all_sweeps_count_and_the_rest_is_said(tiny: list[str], tmp_path: Path, capsys: Captured) -> None:
    main(["run", *tiny, "seed=7"])
    main(["sweep", *tiny])
    main(["sweep", *tiny, "rate=coarse", "dataset.views=0,2"])
    counts, below = status(tmp_path / "out", capsys)
    assert (counts["points"], counts["done"], counts["no_capture"]) == ("4", "3", "1")
    assert below == [
        "no capture tiny grey coarse: views: 0 images, expected at least 1",
        "1 of all these are in no sweep's plan",
    ]


def test_points_of_an_earlier_sweep_that_were_never_begun_are_to_do(
    tiny: list[str], tmp_path: Path, capsys: Captured
) -> None:
    out = tmp_path / "out"

    def planned(*words: str) -> None:
        write_plan(out, make_plan(sweep_configs([*tiny, *words])), list(words))

    planned("seed=0,1")
    planned("seed=1,2")
    assert status(out, capsys)[0]["to_do"] == "3"
    planned("seed=1,2")
    assert status(out, capsys)[0]["to_do"] == "3"
    # Older versions kept one plan.
    (newest,) = [file for file in (out / "plans").iterdir() if '"seed=1,2"' in file.read_text()]
    newest.rename(out / "plan.json")
    assert status(out, capsys)[0]["to_do"] == "3"
    # The last plan of the same words counts, here one of other points.
    write_plan(out, make_plan(sweep_configs([*tiny, "seed=5"])), ["seed=1,2"])
    assert status(out, capsys)[0]["to_do"] == "3"
    assert sorted(point.seed for point in read_plans(out)) == [0, 1, 5]


@pytest.mark.usefixtures("decode_here")
def test_an_unfinished_point_without_a_plan_has_the_names_of_its_settings(
    tiny: list[str], tmp_path: Path, capsys: Captured
) -> None:
    main(["run", *tiny])
    next((tmp_path / "out").rglob("row.json")).unlink()
    main(["status", str(tmp_path / "out")])
    assert ["tiny", "grey", "1", "0", "1"] in [line.split() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("decode_here")
def test_without_a_plan_what_is_stored_counts(tiny: list[str], tmp_path: Path, capsys: Captured) -> None:
    main(["run", *tiny, "rate=all"])
    counts, below = status(tmp_path / "out", capsys)
    assert (counts["points"], counts["done"], counts["failed"]) == ("3", "2", "1")
    assert len(below) == 1


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path, capsys: Captured) -> None:
    assert main(["status", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"nerfzip: {tmp_path}: no result store: ")
    assert main(["status", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"nerfzip: {tmp_path / 'none'}: no result store: No such file or directory\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "plan.json: not the plan of a sweep"),
        ('{"schema": 1}', "plan.json: not the plan of a sweep"),
        (json.dumps({"schema": 1, "points": [{"a": 1}]}), "plan.json: not the plan of a sweep"),
        ('{"schema": 2}', "plan.json: a plan of schema 2, this version of nerfzip reads schema 1"),
    ],
)
def test_a_plan_that_cannot_be_read_is_named(tmp_path: Path, content: str, message: str, capsys: Captured) -> None:
    (tmp_path / "plan.json").write_text(content)
    assert main(["status", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
