"""What is written is there whole, and stays."""

import os
import stat
from pathlib import Path

import pytest

from nerfzip import files
from nerfzip.files import write_atomically


def test_the_folder_is_synchronised_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synchronised = tmp_path / "new" / "file", []

    def fsync(descriptor: int) -> None:
        what = os.fstat(descriptor)
        same_folder = stat.S_ISDIR(what.st_mode) and os.path.samestat(what, path.parent.stat())
        synchronised.append(("its folder" if same_folder else "file", path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, b"abc")
    assert synchronised == [("file", False), ("its folder", True)]


@pytest.mark.parametrize("call", ["open", "fsync"])
def test_a_system_that_cannot_synchronise_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    original = getattr(os, call)

    def refuses_folders(target: Path | int, *arguments: int) -> int | None:
        if os.path.isdir(target):  # noqa: PTH112
            raise OSError(22, "Invalid argument")
        return original(target, *arguments)

    monkeypatch.setattr(files.os, call, refuses_folders)
    write_atomically(tmp_path / "file", b"abc")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"abc"
