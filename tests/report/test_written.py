"""A report folder holds what the last report wrote, and what is the user's."""

import subprocess
from pathlib import Path

import pytest
from report_rows import make_curve

from nerfzip.benchmark.row import Row
from nerfzip.report import written
from nerfzip.report.write import ReportSettings, write_report
from nerfzip.report.written import LIST, remove_stale, write_listed

TWO = make_curve("a", "lego") + make_curve("b", "lego", 0.8)


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def listed(folder: Path) -> set[str]:
    return {line.split("  ")[1] for line in (folder / LIST).read_text().split("\n") if line}


def write(rows: list[Row], folder: Path, anchor: str | None = None) -> None:
    write_report(rows, folder, ReportSettings(anchor=anchor))


def test_what_is_out_of_date_goes_and_what_is_the_users_stays(tmp_path: Path) -> None:
    write(TWO, tmp_path, "a")
    (tmp_path / "notes.png").write_text("mine")
    (tmp_path / "bd.tex").write_text("set by hand")
    write(make_curve("a", "ship"), tmp_path)
    assert {"notes.png", "bd.tex", "rd_ship.png"} <= names(tmp_path)
    assert not names(tmp_path) & {"bd.md", "bd.csv", "rd_lego.png", "rd_lego.svg", "rd_lego.pdf"}
    assert (tmp_path / "notes.png").read_text() == "mine"
    # What the user changed is the user's from then on.
    assert listed(tmp_path) == names(tmp_path) - {"notes.png", "bd.tex", LIST}
    write(make_curve("a", "ship"), tmp_path)
    assert (tmp_path / "bd.tex").read_text() == "set by hand"


def test_the_list_is_one_of_sha256sum(tmp_path: Path) -> None:
    write(TWO, tmp_path)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", LIST], cwd=tmp_path, check=True)
    assert listed(tmp_path) == names(tmp_path) - {LIST}


def test_a_report_that_was_killed_leaves_a_list_of_all_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(TWO, tmp_path, "a")
    before = names(tmp_path)
    whole = written.write_atomically

    def killed(path: Path, data: bytes) -> None:
        if path.name == "rd_ship.svg":
            raise KeyboardInterrupt
        whole(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(written, "write_atomically", killed)
        with pytest.raises(KeyboardInterrupt):
            write(make_curve("c", "ship"), tmp_path)
    assert names(tmp_path) - {LIST} <= listed(tmp_path)
    assert before <= names(tmp_path)
    write(make_curve("c", "ship"), tmp_path)
    assert listed(tmp_path) == names(tmp_path) - {LIST}
    assert not names(tmp_path) & {"bd.md", "rd_lego.png"}


def test_a_users_file_of_a_name_that_was_never_written_stays(tmp_path: Path) -> None:
    (tmp_path / "rd_lego.png").write_text("mine")
    # As a report leaves it that was killed between its list and its file; and a list that somebody else made.
    outside = tmp_path / "outside.txt"
    folder = tmp_path / "report"
    folder.mkdir()
    outside.write_text("")
    (folder / "rd_lego.png").write_text("mine")
    (folder / "link.png").symlink_to(outside)
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    lines = [f"{empty}  {name}" for name in ("rd_lego.png", "../outside.txt", str(outside), "link.png", "..", "")]
    (folder / LIST).write_text("\n".join([*lines, "no list", f"{empty}  rd_le"]))
    write_listed(folder / "new.md", b"x")
    remove_stale(folder, [folder / "new.md"])
    assert outside.exists()
    assert names(folder) == {"rd_lego.png", "link.png", "new.md", LIST}
    assert listed(folder) == {"new.md"}
