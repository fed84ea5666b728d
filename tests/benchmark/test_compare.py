"""`nerfzip compare`: the numbers of `nerfzip run`, from a process of its own, in tables, pictures and compare.json."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nerfzip.benchmark.row import read_row
from nerfzip.bitstream import unpack
from nerfzip.cli import main
from nerfzip.report.comparison import PANEL_WIDTH, short_names
from nerfzip.report.panels import GAP, TEXT_SIZE

Finished = tuple[Path, list[str]]
SCENE = ["--scene", "dataset=grey", "dataset.shade=0.6"]


@pytest.fixture
def files(finished: Finished) -> list[Path]:
    return [next((finished[0] / "out").glob(f"tiny-grey-{rate}-*/stream.nrz")) for rate in ("coarse", "fine")]


def compare(files: list[Path], out: Path, *words: str) -> dict[str, Any]:
    """What compare.json says."""
    assert main(["compare", *map(str, files), *SCENE, "--out", str(out), *words]) == 0
    return json.loads((out / "compare.json").read_text())


def refused(capsys: pytest.CaptureFixture[str], *words: Any) -> str:
    """The one message with which a comparison ends."""
    assert main(["compare", *map(str, words)]) == 2
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if not line.startswith("decode ")]
    assert len(lines) == 1
    assert lines[0].startswith("nerfzip: ")
    return lines[0].removeprefix("nerfzip: ")


@pytest.fixture(scope="module")
def compared(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison of both rates, view 1 drawn."""
    out = tmp_path_factory.mktemp("compared") / "new" / "folder"
    files = [next((finished[0] / "out").glob(f"tiny-grey-{rate}-*/stream.nrz")) for rate in ("coarse", "fine")]
    compare(files, out, "--views", "1")
    return out


def test_each_file_has_the_numbers_of_its_row(compared: Path, files: list[Path]) -> None:
    found = json.loads((compared / "compare.json").read_text())
    assert [entry["path"] for entry in found["files"]] == [str(file) for file in files]
    for entry, file in zip(found["files"], files, strict=True):
        row = asdict(read_row(file.parent / "row.json"))
        assert entry["bytes"] == file.stat().st_size
        for key in ("method", "bytes_by_component", "uncompressed_bytes", "digest", "metrics", "device"):
            assert entry[key] == row[key], key
        for key in ("view", "file", "psnr", "ssim"):
            assert [image[key] for image in entry["images"]] == row["images"][key], key
        assert min(entry["seconds"].values()) >= 0
    coarse, fine = (read_row(file.parent / "row.json") for file in files)
    (difference,) = found["differences"]
    assert (difference["of"], difference["to"]) == (2, 1)
    assert difference["bytes"] == fine.bytes - coarse.bytes
    assert difference["psnr"] == fine.metrics["psnr"] - coarse.metrics["psnr"]
    assert found["scene"]["fingerprint"] == fine.fingerprint


def test_the_tables_have_every_file_and_component(compared: Path, files: list[Path]) -> None:
    with (compared / "files.csv").open() as file:
        lines = list(csv.DictReader(file))
    rows = [read_row(file.parent / "row.json") for file in files]
    assert [line["file"] for line in lines] == [f"{file.parent.name}/stream.nrz" for file in files]
    assert [float(line["size (bytes)"]) for line in lines] == [row.bytes for row in rows]
    assert [float(line["PSNR (dB)"]) for line in lines] == [row.metrics["psnr"] for row in rows]
    assert [float(line["ratio"]) for line in lines] == [12 / row.bytes for row in rows]
    with (compared / "components.csv").open() as file:
        components = {line["component"]: line for line in csv.DictReader(file)}
    assert components.keys() == {"colour", "container", "file"}
    assert float(components["colour"]["2 (bytes)"]) == 12
    assert "| 2 − 1 |" in (compared / "differences.md").read_text()


def test_pictures_have_the_views_side_by_side(compared: Path) -> None:
    line = round(1.5 * TEXT_SIZE)
    view = PANEL_WIDTH * 12 // 16
    with Image.open(compared / "view_001.png") as picture:
        assert picture.size == (3 * (PANEL_WIDTH + GAP) + GAP, 2 * line + 2 * view + GAP + PANEL_WIDTH + 3 * GAP)
        # A point of each column's view, outside of the detail's mark: the truth and the fine file are 153, the coarse
        # one has three levels.
        points = [
            picture.getpixel((GAP + column * (PANEL_WIDTH + GAP) + PANEL_WIDTH - 5, GAP + line + view - 5))
            for column in range(3)
        ]
    assert points == [(153,) * 3, (128,) * 3, (153,) * 3]
    assert not (compared / "view_000.png").exists()


def test_nothing_is_decoded_in_this_process(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tiny_method

    def refuse(*_: object) -> None:
        raise AssertionError("decoded in the process of the command")

    monkeypatch.setattr(tiny_method.TinyMethod, "decompress", refuse)
    assert compare(files, tmp_path / "out")["files"][1]["metrics"]["psnr"] == 120


@pytest.mark.usefixtures("decode_here")
def test_the_view_that_differs_most_is_drawn(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nerfzip.benchmark import quality

    # The first view of each file is measured alike, the second is not.
    values = iter([20.0, 21.0, 20.5, 25.0])
    monkeypatch.setattr(quality.metrics, "evaluate", lambda *_: {"psnr": next(values)})
    found = compare(files, tmp_path / "out")
    assert [picture["view"] for picture in found["pictures"]] == [1]
    assert "drawn is view 1, where the PSNRs differ most" in capsys.readouterr().out


@pytest.mark.usefixtures("decode_here")
def test_a_file_may_be_given_twice(files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy.nrz"
    shutil.copy(files[1], copy)
    found = compare([files[1], files[1], copy], tmp_path / "out")
    assert found["remarks"] == [
        f"1 and 2 are one file, given twice: {files[1]}",
        "1 and 3 hold the same bytes",
        "2 and 3 hold the same bytes",
    ]
    assert found["remarks"][0] in capsys.readouterr().out
    assert [(entry["bytes"], entry["psnr"]) for entry in found["differences"]] == [(0, 0), (0, 0)]


@pytest.mark.usefixtures("decode_here")
def test_a_ratio_needs_the_row_of_just_this_file(files: list[Path], tmp_path: Path) -> None:
    alone, beside_another = tmp_path / "stream.nrz", tmp_path / "folder" / "stream.nrz"
    beside_another.parent.mkdir()
    shutil.copy(files[0], alone)
    shutil.copy(files[0], beside_another)
    shutil.copy(files[1].parent / "row.json", beside_another.parent)
    found = compare([alone, beside_another, files[0]], tmp_path / "out")
    assert [entry["uncompressed_bytes"] for entry in found["files"]] == [None, None, 12]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/a/x.nrz", "/b/y.nrz"], ["x.nrz", "y.nrz"]),
        (["/a/x.nrz", "/b/x.nrz"], ["a/x.nrz", "b/x.nrz"]),
        (["/a/c/x.nrz", "/b/c/x.nrz", "/b/c/y.nrz"], ["a/c/x.nrz", "b/c/x.nrz", "b/c/y.nrz"]),
        (["/a/x.nrz", "/a/x.nrz"], ["x.nrz", "x.nrz"]),
        (["/x.nrz", "/a/x.nrz"], ["/x.nrz", "a/x.nrz"]),
    ],
)
def test_names_are_as_long_as_they_must_be(paths: list[str], names: list[str]) -> None:
    assert short_names([Path(path) for path in paths]) == names


def test_a_missing_or_damaged_file_is_found_before_any_is_decoded(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    damaged = tmp_path / "damaged.nrz"
    data = bytearray(files[1].read_bytes())
    data[-40] ^= 1
    damaged.write_bytes(data)
    missing = tmp_path / "missing.nrz"
    for bad, message in ((damaged, "checksum is wrong"), (missing, "can't be read: No such file or directory")):
        assert main(["compare", str(files[0]), str(bad), *SCENE, "--out", str(out)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"nerfzip: {bad}: ")
        assert message in line
    assert not out.exists()


def test_a_file_that_decodes_to_something_else_is_named(
    files: list[Path], tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lying = tmp_path / "lying.nrz"
    assert main(["encode", *tiny, "method.lie=true", f"out={lying}"]) == 0
    capsys.readouterr()
    message = refused(capsys, files[0], lying, *SCENE, "--out", tmp_path / "compared")
    assert message.startswith(f"{lying}: decoded to other tensors than were encoded")
    assert not (tmp_path / "compared" / "compare.json").exists()


def test_impossible_words_are_one_message(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", tmp_path / "out"]
    assert refused(capsys, files[0], *SCENE, *out) == "1 file, expected at least two to compare"
    # A file behind --scene is a file.
    assert refused(capsys, *SCENE, files[0], *out) == "1 file, expected at least two to compare"
    assert refused(capsys, *files, *SCENE, *out, "--views", 0, 2) == ("view 2: expected 0 to 1, a test view of grey")
    assert refused(capsys, *files, *SCENE, "dataset.views=0", *out) == "views: 0 images, expected at least 1"
    assert refused(capsys, *files, "--scene", "dataset=gray", *out) == "unknown dataset 'gray'; did you mean grey?"
    assert "dataset.shade: missing" in refused(capsys, *files, "--scene", "dataset=grey", *out)
    assert "can't be written" in refused(capsys, *files, *SCENE, "--out", "/proc/out")
    occupied = tmp_path / "occupied"
    occupied.write_text("a file")
    message = refused(capsys, *files, *SCENE, "--out", occupied)
    assert message == f"--out {occupied}: found a file, expected a folder, or the name of a new one"
    assert not (tmp_path / "out").exists()


def test_a_view_is_a_number(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["compare", *map(str, files), *SCENE, "--views", "last"])
    assert stop.value.code == 2
    assert "expected the number of a test view, from 0" in capsys.readouterr().err


def test_the_command_line_ends_without_a_traceback(files: list[Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nerfzip.cli", "compare", *files, *SCENE, "--out", tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Differences to 1" in result.stdout
    assert unpack(files[0].read_bytes()).method in result.stdout
