"""How the points of a sweep are handed to the tasks of a launcher, and words that ask for the impossible."""

import json
import os
from pathlib import Path

import pytest

from nerfzip.benchmark.launch_settings import LaunchSettings
from nerfzip.benchmark.launch_tasks import read_task, rounds, write_task
from nerfzip.benchmark.plan import fit_file, make_plan
from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hydra/launcher=joblab"], "unknown launcher 'joblab'; did you mean joblib?"),
        (["hydra/launcher=submitit"], "unknown launcher 'submitit'; did you mean submitit_slurm, submitit_local?"),
        (["hydra.launcher.n_jobs=2"], "hydra.launcher.n_jobs: without a launcher; add hydra/launcher=NAME, one of "),
        (
            ["hydra/launcher=joblib", "hydra.launcher.n_job=2"],
            "unknown setting 'hydra.launcher.n_job'; did you mean hydra.launcher.n_jobs",
        ),
        (["hydra/launcher=joblib", "hydra.launcher.n_jobs=two"], "hydra/launcher=joblib: "),
        (["hydra/launcher=joblib", "launch.tasks=many"], "launch.tasks: 'many', expected an integer or null"),
        (["hydra/launcher=joblib", "launch.points_per_task=0"], "launch.points_per_task: 0, expected a positive"),
        (["hydra/launcher=joblib", "launch.tasks=1,2"], "launch.tasks=1,2: one value is expected"),
        (["hydra/launcher=joblib,ray"], "unknown launcher 'joblib,ray'; "),
    ],
)
def test_bad_words_are_one_message(
    tiny: list[str], tmp_path: Path, words: list[str], message: str, capsys: Captured
) -> None:
    assert main(["sweep", *tiny, *words]) == 2
    assert capsys.readouterr().err.startswith(f"nerfzip: {message}")
    assert not (tmp_path / "out").exists()


def settings(**changes: object) -> LaunchSettings:
    plain = dict.fromkeys(("points_per_task", "tasks", "workers", "threads"))
    return LaunchSettings(**{**plain, "again": True, "slurm": False, "quiet_seconds": 1, "poll_seconds": 1, **changes})  # type: ignore


def test_points_that_share_a_fit_are_one_task(both: list[str]) -> None:
    points = make_plan(sweep_configs(both[:-2])).points
    (tasks,) = rounds(points, settings())
    assert [{point.config.seed for point in task} for task in tasks] == [{0}, {1}]
    assert [point for task in tasks for point in task] == points
    (tasks,) = rounds(points, settings(tasks=1))
    assert tasks == [points]


def test_tasks_of_few_points_come_after_the_fits(both: list[str]) -> None:
    points = make_plan(sweep_configs(both[:-2])).points
    fits, rest = rounds(points, settings(points_per_task=4))
    assert [[(point.config.seed, point.config.rate) for point in task] for task in fits] == [
        [(0, "coarse")],
        [(1, "coarse")],
    ]
    assert [len(task) for task in rest] == [4, 2]
    assert {point.folder for task in [*fits, *rest] for point in task} == {point.folder for point in points}
    made = fit_file(points[0])
    made.parent.mkdir(parents=True)
    made.touch()
    fits, rest = rounds(points, settings(points_per_task=4))
    assert [len(task) for task in fits] == [1]
    assert [len(task) for task in rest] == [4, 3]


def test_a_task_is_read_as_it_was_written(both: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    points = make_plan(sweep_configs([*both[:-2], "out=here", "cache=null"])).points
    write_task(tmp_path / "task", points, 3)
    task = read_task(tmp_path / "task")
    assert (task.out, task.directory, task.threads) == (str(tmp_path / "here"), str(tmp_path), 3)
    assert [point.job().out for point in task.points] == [tmp_path / "here"] * 8
    again = make_plan([point.job() for point in task.points]).points
    assert [point.folder.name for point in again] == [point.folder.name for point in points]
    assert json.loads((tmp_path / "task/task.json").read_text())["points"][0]["failed_before"] == ""


@pytest.mark.parametrize(
    ("workers", "threads"), [(1, 6), (2, 3), (4, 1), (12, 1), (-1, 1), (-3, 1), (-5, 3), (None, None)]
)
def test_workers_share_the_cores(workers: int | None, threads: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert settings(workers=workers).threads_per_task() == threads
    assert settings(workers=workers, threads=2).threads_per_task() == 2
