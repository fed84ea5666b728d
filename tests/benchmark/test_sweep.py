"""A sweep from the plan to its end: what is done, what is left, and what several processes make of it."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import tiny_method
import torch
from observed import fit_count
from rich.console import Console

from nerfzip.benchmark.fit_cache import cache_folder, lock_file
from nerfzip.benchmark.locks import exclusive
from nerfzip.benchmark.plan import make_plan
from nerfzip.benchmark.row import read_row
from nerfzip.benchmark.store import State, stored_points
from nerfzip.benchmark.sweep import run_points
from nerfzip.benchmark.sweep_view import _LiveTable
from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.cli import main
from nerfzip.errors import TrainingError

Captured = pytest.CaptureFixture[str]


def done(folder: Path) -> list[tuple[str, str, int]]:
    """Label, rate and seed of all complete points."""
    return sorted((row.label, row.rate, row.seed) for row in map(read_row, (folder / "out").rglob("row.json")))


def lines(captured: Captured) -> list[str]:
    return captured.readouterr().out.splitlines()


def start(words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "nerfzip.cli", "sweep", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def both(tiny: list[str]) -> list[str]:
    """Two methods that share a base, two seeds: 6 points of 2 fits."""
    return [*tiny[1:], "method=tiny,tiny_wrapper", "rate=coarse,fine,default", "seed=0,1"]


@pytest.mark.usefixtures("decode_here")
def test_the_cross_product_is_done_fitting_once_a_seed(both: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert main(["sweep", *both]) == 0
    assert fit_count(tmp_path) == 2
    names = [("tiny", "coarse"), ("tiny", "fine"), ("tiny_wrapper", "default")]
    assert done(tmp_path) == [(*name, seed) for name in names for seed in (0, 1)]
    shown = lines(capsys)
    assert f"{tmp_path / 'out'}: 6 points, 2 fits (0 in the cache)" in shown
    # Points that share a fit follow each other.
    assert [line for line in shown if line.startswith("done")] == [
        "done 1/6 tiny grey coarse 20.17 dB 113 bytes",
        "done 2/6 tiny grey fine 120.00 dB 115 bytes",
        "done 3/6 tiny_wrapper grey default 32.57 dB 114 bytes",
        "done 4/6 tiny grey coarse seed 1 20.17 dB 113 bytes",
        "done 5/6 tiny grey fine seed 1 120.00 dB 115 bytes",
        "done 6/6 tiny_wrapper grey default seed 1 32.57 dB 114 bytes",
    ]
    assert shown[-1] == f"{tmp_path / 'out'}: 6 of 6 points done, 0 failed"


@pytest.mark.usefixtures("decode_here")
def test_the_plan_is_printed_and_nothing_is_done(both: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert main(["sweep", "--plan", *both]) == 0
    assert [line.split() for line in lines(capsys) if line.strip().startswith("tiny ")] == [
        ["tiny", "grey", "4", "0", "4"]
    ]
    assert not (tmp_path / "out").exists()
    main(["sweep", *both, "seed=0"])
    capsys.readouterr()
    assert main(["sweep", "--plan", *both]) == 0
    shown = lines(capsys)
    assert [line.split() for line in shown if line.strip().startswith("all")] == [["all", "6", "3", "3"]]
    assert shown[-1] == f"{tmp_path / 'out'}: 6 points, 2 fits (1 in the cache)"


@pytest.mark.usefixtures("decode_here")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_here_can_be_planned_for(tiny: list[str], tmp_path: Path, capsys: Captured) -> None:
    words = ["sweep", *tiny, "device=cpu,cuda"]
    assert main([*words, "--plan"]) == 0
    assert "2 points, 2 fits" in capsys.readouterr().out
    for launcher in ([], ["hydra/launcher=joblib"]):
        assert main([*words, *launcher]) == 2
        assert "device=cuda: this machine has no CUDA device" in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*/row.json"))


def test_the_same_command_again_does_what_is_missing(both: list[str], tmp_path: Path) -> None:
    main(["sweep", *both, "seed=0"])
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("row.json")}
    assert (main(["sweep", *both]), len(done(tmp_path))) == (0, 6)
    assert all(file.stat().st_mtime_ns == made for file, made in before.items())
    assert fit_count(tmp_path) == 2


@pytest.mark.usefixtures("decode_here")
def test_failed_points_are_left_alone_unless_asked_for(tiny: list[str], tmp_path: Path, capsys: Captured) -> None:
    words = ["sweep", *tiny, "rate=all"]
    assert main(words) == 1
    assert [rate for _, rate, _ in done(tmp_path)] == ["coarse", "fine"]
    (failure,) = (tmp_path / "out").rglob("failure.json")
    text = f"failed tiny grey broken: levels=1: expected at least 2 ({failure})"
    assert text in lines(capsys)
    made = failure.stat().st_mtime_ns
    assert main(words) == 1
    assert failure.stat().st_mtime_ns == made
    shown = lines(capsys)
    assert "1 failed before: left alone; --retry-failed does them again" in shown
    assert text in shown
    assert main([*words, "--retry-failed"]) == 1
    assert failure.stat().st_mtime_ns > made
    assert "failed 3/3 tiny grey broken: levels=1: expected at least 2" in lines(capsys)


@pytest.mark.usefixtures("decode_here")
def test_a_point_that_fails_for_once_is_mended(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    from nerfzip.benchmark import measured_file

    with monkeypatch.context() as patch:
        patch.setattr(measured_file, "measure_images", no_space)
        assert main(["sweep", *tiny]) == 1
    assert main(["sweep", *tiny, "--retry-failed"]) == 0
    assert done(tmp_path) == [("tiny", "fine", 0)]
    assert not list(tmp_path.rglob("failure.json"))


@pytest.mark.usefixtures("decode_here")
@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_fit_that_fails_is_tried_once_for_all_rates(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    words = [command, *tiny, "rate=coarse,fine"]
    with monkeypatch.context() as patch:
        patch.setattr(tiny_method.TinyBase, "fit", failing_fit)
        assert main(words) == 1
        assert fit_count(tmp_path) == 1
        reasons = {point.reason for point in stored_points(tmp_path / "out")}
        assert reasons == {"empty grid", "not fitted again; the fit has failed: empty grid"}
        assert main([*words, *(["--retry-failed"] if command == "sweep" else [])]) == 1
        assert fit_count(tmp_path) == 2
    assert main([*words, *(["--retry-failed"] if command == "sweep" else [])]) == 0
    assert fit_count(tmp_path) == 3


def failing_fit(*_: object) -> None:
    with Path(os.environ["TINY_FITS"]).open("a") as file:
        file.write("fit\n")
    raise TrainingError("empty grid")


@pytest.mark.usefixtures("decode_here")
def test_a_capture_that_cannot_be_loaded_fails_its_points_alone(
    tiny: list[str], tmp_path: Path, capsys: Captured
) -> None:
    assert main(["sweep", *tiny, "dataset.views=0,1"]) == 1
    assert len(done(tmp_path)) == 1
    shown = lines(capsys)
    assert "1 point without a capture: views: 0 images, expected at least 1" in shown
    assert "no capture tiny grey fine: views: 0 images, expected at least 1" in shown
    assert shown[-1].endswith("1 of 2 points done, 0 failed, 1 without a capture")


@pytest.mark.parametrize(("views", "status"), [("0,1", 1), ("0", 2), ("1", 0)])
def test_the_status_of_a_plan_says_whether_captures_are_missing(
    tiny: list[str], tmp_path: Path, views: str, status: int, capsys: Captured
) -> None:
    assert main(["sweep", "--plan", *tiny, f"dataset.views={views}"]) == status
    shown = lines(capsys)
    assert any("no capture" in line for line in shown) == bool(status)
    assert not any("failed" in line for line in shown)
    if status == 2:
        assert main(["sweep", *tiny, f"dataset.views={views}"]) == status
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("decode_here")
def test_a_point_has_the_label_it_was_last_asked_for_with(tiny: list[str], tmp_path: Path) -> None:
    for words, label in [([], "tiny"), (["label=mine"], "mine"), ([], "tiny")]:
        assert main(["sweep", *tiny, *words]) == 0
        assert done(tmp_path) == [(label, "fine", 0)]
        assert main(["run", *tiny, "label=other"]) == 0
        assert done(tmp_path) == [("other", "fine", 0)]
    assert fit_count(tmp_path) == 1


@pytest.mark.usefixtures("decode_here")
def test_the_plan_says_which_points_change_their_label(tiny: list[str], tmp_path: Path, capsys: Captured) -> None:
    main(["sweep", *tiny, "rate=coarse,fine", "label=reference"])
    assert " from reference" not in capsys.readouterr().out
    for extra, label in (["--plan"], "reference"), ([], "mine"):
        assert main(["sweep", *extra, *tiny, "rate=coarse,fine", "seed=0,1", "label=mine"]) == 0
        said = [line for line in lines(capsys) if " from reference to " in line]
        assert said == ["2 points change their label from reference to mine"]
        assert {row_label for row_label, _, seed in done(tmp_path) if seed == 0} == {label}


def test_one_point_under_two_labels_is_refused(tiny: list[str], capsys: Captured) -> None:
    assert main(["sweep", *tiny, "label=a,b"]) == 2
    assert capsys.readouterr().err.startswith("nerfzip: label: a and b for one point, tiny-grey-fine-0-")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["method=tinny"], "unknown method 'tinny'; did you mean tiny?"),
        (["rate=fin"], "unknown rate 'fin'; did you mean fine?"),
        (["method.levels=2,many"], "method.levels: 'many', expected an integer"),
    ],
)
def test_bad_words_are_one_message_before_any_work(
    tiny: list[str], tmp_path: Path, words: list[str], message: str, capsys: Captured
) -> None:
    assert main(["sweep", *tiny, *words]) == 2
    assert capsys.readouterr().err == f"nerfzip: {message}\n"
    assert fit_count(tmp_path) == 0


def test_a_folder_that_cannot_be_written_is_found_out_first(tiny: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert main(["sweep", *tiny, "out=/proc/x"]) == 2
    assert re.fullmatch(r"nerfzip: /proc/x/plans/\w+\.json: can't be written: .*\n", capsys.readouterr().err)
    assert fit_count(tmp_path) == 0


def test_ctrl_c_is_one_line_and_loses_nothing(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tiny_method.TinyMethod, "compress", interrupted)
        assert main(["sweep", *tiny]) == 130
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert last_line == "nerfzip: interrupted; the same command goes on where it stopped"
    assert main(["sweep", *tiny]) == 0
    assert fit_count(tmp_path) == 1


@pytest.mark.usefixtures("decode_here")
def test_on_a_terminal_there_is_a_table(tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    errors = sys.stderr
    assert main(["sweep", *tiny, "rate=all"]) == 1
    last_table = terminal.getvalue().rpartition("PSNR dB")[2]
    for words in ("done", "20.17", "115", "2 done, 1 failed", "levels=1: expected at least 2"):
        assert words in last_table, words
    assert sys.stderr is errors
    assert logging.getLogger("nerfzip").level == logging.INFO


@pytest.mark.usefixtures("decode_here")
def test_a_table_shows_what_others_do(tiny: list[str]) -> None:
    points = make_plan(sweep_configs([*tiny, "seed=0,1,2,3"])).points
    table = _LiveTable(points, Console(file=StringIO(), width=100))

    def states() -> list[str]:
        return [str(table._cells(number)[1]) for number in range(len(points))]

    table(0, replace(points[0].stored, state=State.RUNNING))
    with exclusive(points[0].folder / "lock", "the test"), exclusive(points[1].folder / "lock", "the test"):
        main(["run", *tiny, "seed=2"])
        assert states() == ["running", "to do", "to do", "to do"]
        table.look_around()
        assert states() == ["running", "running elsewhere", "done", "to do"]
    table.look_around()
    assert states() == ["running", "to do", "done", "to do"]


@pytest.mark.usefixtures("decode_here")
def test_a_point_whose_fit_another_process_makes_is_put_off(both: list[str]) -> None:
    points = make_plan(sweep_configs(both)).points
    shown: list[tuple[int, State]] = []
    fit_lock = lock_file(cache_folder(points[0].config), points[0].fit)
    with ThreadPoolExecutor() as pool:
        with exclusive(fit_lock, "the test"):
            sweep = pool.submit(run_points, points, False, lambda number, now: shown.append((number, now.state)))
            while (5, State.DONE) not in shown and not sweep.done():
                time.sleep(0.01)
        assert [point.state for point in sweep.result()] == [State.DONE] * 6
    assert [number for number, state in shown if state == State.DONE] == [3, 4, 5, 0, 1, 2]


@pytest.mark.parametrize("retry_failed", [False, True])
def test_what_fails_elsewhere_meanwhile_is_not_tried_again(tiny: list[str], retry_failed: bool) -> None:
    (point,) = make_plan(sweep_configs(tiny)).points
    point.folder.mkdir(parents=True)
    (point.folder / "failure.json").write_text('{"error": "NerfzipError", "message": "elsewhere", "date": "now"}')
    (result,) = run_points([point], retry_failed, lambda *_: None)
    assert (result.state, result.reason) == (State.FAILED, "elsewhere")


@pytest.mark.slow
def test_two_processes_share_the_work(both: list[str], tmp_path: Path) -> None:
    processes = [start([*both, "method.base.seconds=2", "method.seconds=0.2"]) for _ in range(2)]
    said = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert len(done(tmp_path)) == 6
    assert fit_count(tmp_path) == 2
    # Each point was compressed by one of them.
    assert sum(errors.count("compress tiny") for _, errors in said) == 6
    assert all(output.splitlines()[-1].endswith("6 of 6 points done, 0 failed") for output, _ in said)


@pytest.mark.slow
@pytest.mark.usefixtures("decode_here")
def test_killed_in_the_middle_it_goes_on(both: list[str], tmp_path: Path, capsys: Captured) -> None:
    process = start([*both, "method.seconds=0.5"])
    while process.poll() is None and not list(tmp_path.rglob("row.json")):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("row.json")}
    assert 1 <= len(before) < 6
    assert main(["sweep", *both, "method.seconds=0.5"]) == 0
    assert len(done(tmp_path)) == 6
    assert fit_count(tmp_path) == 2
    assert all(file.stat().st_mtime_ns == made for file, made in before.items())
