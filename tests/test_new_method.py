"""`nerfzip new-method`: what it writes runs as it stands, and nothing is written over or hidden."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nerfzip.benchmark.row import read_row
from nerfzip.cli import main
from nerfzip.commands.new_method import skeleton_files
from nerfzip.skeleton.test_skeleton import SMALL

ROOT = Path(__file__).parents[1]
NEW_METHOD = [sys.executable, "-m", "nerfzip.cli", "new-method"]
SHORT = [*SMALL, "cache=fits", "dataset.cache=views"]


def succeed(command: list[str] | str, folder: Path, **variables: str) -> str:
    """What a command prints in a folder, where a string is for the shell."""
    inherited = {key: value for key, value in os.environ.items() if key != "NERFZIP_CONF"}
    environment = {**inherited, "PYTHONPATH": str(ROOT), **variables}
    shell = isinstance(command, str)
    result = subprocess.run(
        command, shell=shell, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def printed_commands(output: str) -> list[str]:
    python = f"'{sys.executable}'"
    commands = [line.strip() for line in output.splitlines() if line.startswith("    ")]
    return [
        command.replace("nerfzip ", f"{python} -m nerfzip.cli ", 1)
        if command.startswith("nerfzip ")
        else command.replace("python ", f"{python} ", 1)
        for command in commands
    ]


@pytest.mark.slow
def test_the_printed_commands_run_the_method_and_its_tests(tmp_path: Path) -> None:
    export, run, test = printed_commands(succeed([*NEW_METHOD, "mine", "--out", "my methods"], tmp_path))
    assert export.startswith("export NERFZIP_CONF=")
    succeed(f"{export}; {run} {' '.join(SHORT)} && {test} -q", tmp_path)
    rows = {row.rate: row for row in map(read_row, (tmp_path / "outputs" / "mine").glob("*/row.json"))}
    assert rows.keys() == {"low", "high"}
    assert {row.method for row in rows.values()} == {"mine"}
    assert rows["low"].bytes < 0.8 * rows["high"].bytes
    assert rows["low"].fit_from_cache or rows["high"].fit_from_cache


@pytest.mark.slow
def test_in_a_clone_it_is_a_method_that_all_tests_cover(tmp_path: Path) -> None:
    for folder in ("conf", "methods", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    clone = tmp_path / "nerfzip"
    clone.symlink_to(ROOT / "nerfzip")
    output = succeed([*NEW_METHOD, "mine"], tmp_path, PYTHONPATH=str(tmp_path))
    assert output.splitlines()[:5] == [
        "methods/mine/__init__.py",
        "methods/mine/method.py",
        "methods/mine/README.md",
        "conf/method/mine.yaml",
        "tests/methods/mine/test_mine_method.py",
    ]
    # The rest with the nerfzip of this checkout: for another path its kernels would be compiled anew.
    clone.unlink()
    known = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "NERFZIP_CONF": str(tmp_path / "conf")}
    _, test = printed_commands(output)
    passed = succeed(f"{test} -v", tmp_path, **known)
    for covered in (
        "test_fit_compress_decode_in_a_fresh_process[mine] PASSED",
        "test_rates_of_a_ladder_differ_and_share_their_fit[mine] PASSED",
        "test_every_rate_is_documented[mine-low] PASSED",
        "test_mine_method.py::test_damage_is_refused PASSED",
    ):
        assert covered in passed
    succeed(f"'{sys.executable}' -m pytest tests/test_imports.py -k downwards", tmp_path, **known)


@pytest.mark.parametrize("name", ["3d", "Mine", "a-b", "class", "", "_mine", "m" * 65, "é", "../mine"])
def test_what_is_no_name_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-method", name, "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nerfzip: {name!r}: expected a name")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vqrf", "there is a method of this name, "),
        ("numpy", "would hide the package at "),
        ("json", "would hide the package at "),
        ("zlib", "would hide the package at "),
        ("nerfzip", "would hide the package at "),
        ("conf", "this folder is for the method's conf"),
        ("tests", "this folder is for the method's tests"),
    ],
)
def test_names_that_are_taken_are_refused(
    name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-method", name, "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nerfzip: {name}: {message}")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_the_methods_name_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as `python -m` does
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("kept")
    assert main(["new-method", "mine"]) == 0
    assert (tmp_path / "mine" / "mine" / "method.py").is_file()


def test_a_folder_holds_several_methods_and_none_is_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path)]
    assert main(["new-method", "first", *out]) == 0
    assert main(["new-method", "second", *out]) == 0
    (tmp_path / "conf/method/first.yaml").write_text("# changed")
    shutil.rmtree(tmp_path / "first")
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert main(["new-method", "first", *out]) == 2
    message = f"nerfzip: {tmp_path / 'conf/method/first.yaml'}: exists, and is not written over"
    assert capsys.readouterr().err.splitlines() == [message]
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "conf/method/first.yaml").read_text() == "# changed"


def test_a_folder_that_cannot_be_written_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-method", "mine", "--out", "/proc/mine"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("nerfzip: /proc/mine/mine/__init__.py: can't be written")


@pytest.mark.parametrize("name", ["any", "scene", "occupancy", "voxel_field", "np", "torch_2", "method"])
def test_the_class_hides_nothing_that_it_needs(name: str) -> None:
    module = ast.parse(skeleton_files(name, own=True)[f"{name}/method.py"])
    imports = [node for node in module.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    (defined,) = [node.name for node in module.body if isinstance(node, ast.ClassDef)]
    assert defined.isidentifier()
    assert defined not in imported


def test_the_word_that_is_replaced_is_gone() -> None:
    for own in (True, False):
        files = skeleton_files("mine", own)
        assert not any("skeleton" in f"{file} {text}".lower() for file, text in files.items())
