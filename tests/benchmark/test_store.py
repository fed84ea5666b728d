"""The result store: what is read, what is left alone, what is refused."""

import dataclasses
import json
import logging
import re
import shutil
from pathlib import Path

import pytest

from nerfzip.benchmark.row import SCHEMA, NewerRowError, Row, read_row, write_row
from nerfzip.benchmark.store import State, frame, rows, rows_by_folder, stored_point, stored_points
from nerfzip.errors import NerfzipError

Finished = tuple[Path, list[str]]


@pytest.fixture
def out(finished: Finished, tmp_path: Path) -> Path:
    """A copy of two complete points."""
    return shutil.copytree(finished[0] / "out", tmp_path / "out")


def point(out: Path, rate: str) -> Path:
    return next(out.glob(f"tiny-grey-{rate}-*"))


def test_all_complete_rows_are_read_and_what_is_foreign_is_left_alone(
    out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (out / "empty").mkdir()
    (out / "notes.txt").write_text("x")
    (out / "pictures").mkdir()
    (out / "pictures/row.png").write_text("x")
    (out / "half").mkdir()
    (out / "half/config.yaml").write_text("")
    (out / "other").mkdir()
    (out / "other/row.json").write_text('{"a": 1}')
    with caplog.at_level(logging.WARNING, "nerfzip"):
        assert sorted(row.rate for row in rows(out)) == ["coarse", "fine"]
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == [str(out / "other/row.json")]
    states = {point.folder.name.split("-")[0]: point.state for point in stored_points(out)}
    assert states == {"half": State.UNFINISHED, "other": State.UNFINISHED, "tiny": State.DONE}


@pytest.mark.parametrize("text", ["", "{", '{"schema": 2}', "\x00" * 100])
def test_a_damaged_row_is_unfinished_with_the_reason(out: Path, text: str) -> None:
    (point(out, "fine") / "row.json").write_text(text)
    assert [row.rate for row in rows(out)] == ["coarse"]
    damaged = stored_point(point(out, "fine"))
    assert (damaged.state, damaged.row) == (State.UNFINISHED, None)
    assert "row.json: not a result row" in damaged.reason


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"view": ["a", "b"], "file": ["0", "1"], "psnr": [1.0]}, "images: columns of different lengths"),
        ({"view": "ab", "file": ["0", "1"]}, "images: expected a list in each column"),
        ({"view": {"0": "a"}, "file": ["0"]}, "images: expected a list in each column"),
        ({"view": ["a"], "file": [None]}, "images.file: expected a text for each view"),
        ({"file": ["0"], "psnr": [1.0]}, "images.view: expected a text for each view"),
        ([], "images: 'list' object has no attribute 'values'"),
        (None, "images: 'NoneType' object has no attribute 'values'"),
    ],
)
def test_damaged_images_are_a_damaged_row_to_all_who_read(out: Path, images: object, message: str) -> None:
    file = point(out, "fine") / "row.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"images": images}))
    for with_images in (True, False):
        with pytest.raises(NerfzipError, match=f"not a result row: {re.escape(message)}"):
            read_row(file, with_images)
        assert [row.rate for row in rows_by_folder(out, with_images).values()] == ["coarse"]
    assert stored_point(point(out, "fine")).state == State.UNFINISHED


def test_a_row_is_written_with_a_line_for_each_value(out: Path) -> None:
    file = point(out, "fine") / "row.json"
    row = read_row(file)
    assert json.loads(file.read_text()) == dataclasses.asdict(row)
    lines = file.read_text().splitlines()
    assert f'  "bytes": {row.bytes},' in lines
    assert f'    "psnr": {json.dumps(row.images["psnr"])},' in lines


def test_rows_can_be_read_without_their_images(out: Path) -> None:
    whole, without = rows_by_folder(out), rows_by_folder(out, with_images=False)
    assert all(row.images["psnr"] for row in whole.values())
    assert without == {folder: dataclasses.replace(row, images={}) for folder, row in whole.items()}


def test_a_failure_says_why_in_one_line(out: Path) -> None:
    folder = point(out, "fine")
    (folder / "row.json").unlink()
    for error, message, reason in [
        ("NerfzipError", "no\nspace", "no space"),
        ("TrainingError", "empty grid", "empty grid"),
        ("KeyError", "'x'", "KeyError: 'x'"),
        ("OutOfMemory", "", "OutOfMemory: "),
    ]:
        (folder / "failure.json").write_text(json.dumps({"error": error, "message": message, "date": "2026-01-01"}))
        failed = stored_point(folder)
        assert (failed.state, failed.reason, failed.date) == (State.FAILED, reason.strip(), "2026-01-01")
    (folder / "failure.json").write_text("{")
    assert "can't be read" in stored_point(folder).reason


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path, message in [
        (tmp_path, "no folder in it has row.json, failure.json or config.yaml"),
        (tmp_path / "none", "No such file"),
        (tmp_path / "file", "Not a directory"),
    ]:
        with pytest.raises(NerfzipError, match=f"{path}: no result store: .*{message}"):
            rows(path)


def test_rows_of_schema_1_are_labelled_with_their_method(out: Path) -> None:
    file = point(out, "fine") / "row.json"
    fields = json.loads(file.read_text())
    assert (fields["schema"], fields.pop("label")) == (SCHEMA, "tiny")
    file.write_text(json.dumps({**fields, "images": [], "schema": 1}))
    assert (read_row(file).schema, read_row(file).label) == (SCHEMA, "tiny")


def test_a_row_of_a_later_version_is_refused(out: Path) -> None:
    file = point(out, "fine") / "row.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "schema": SCHEMA + 1, "new": 1}))
    message = rf"row\.json: a row of schema {SCHEMA + 1}, this version of nerfzip reads .* 1 to {SCHEMA}"
    with pytest.raises(NewerRowError, match=message):
        rows(out)


def test_the_frame_has_a_line_a_row(out: Path) -> None:
    coarse, fine = sorted(rows(out), key=lambda row: row.rate)
    other = dataclasses.replace(fine, label="mine", metrics={"psnr": 1.5}, bytes_by_component={"grid": 7})
    table = frame([coarse, fine, other])
    assert list(table["label"]) == ["tiny", "tiny", "mine"]
    assert list(table["rate"]) == ["coarse", "fine", "fine"]
    assert list(table["bytes"]) == [coarse.bytes, fine.bytes, fine.bytes]
    assert list(table["psnr"]) == [coarse.metrics["psnr"], fine.metrics["psnr"], 1.5]
    assert list(table["bytes_colour"].dropna()) == [12, 12]
    assert list(table["bytes_grid"].dropna()) == [7]
    assert table["peak_memory_decode"][1] == fine.peak_memory["decode"]
    assert table["seconds_fit"][0] == coarse.seconds["fit"]
    assert frame([]).empty


def test_a_row_comes_back_as_it_was_written(out: Path, tmp_path: Path) -> None:
    row: Row = read_row(point(out, "fine") / "row.json")
    write_row(tmp_path / "row.json", row)
    assert read_row(tmp_path / "row.json") == row
