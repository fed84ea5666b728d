"""The hash of the code changes with what a result depends on, and with nothing else."""

import sys
from pathlib import Path

import pytest

import nerfzip
from nerfzip.benchmark import code_version as module
from nerfzip.benchmark.code_version import FIT_ROOMS, POINT_ROOMS, code_version

FILES = ("nerfzip/cli.py", "nerfzip/fields/grid.py", "nerfzip/entropy/coder.py", "lab_methods/fine/__init__.py")
SETTINGS = {"_target_": "lab_methods.fine.Fine", "parts": [{"_target_": "lab_single.Part"}]}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "lab_methods/fine/__init__.py").write_text("from lab_methods.fine.inner import Fine\n")
    (tmp_path / "lab_methods/fine/inner.py").write_text("class Fine: ...\n")
    (tmp_path / "lab_methods/fine/sibling.py").write_text("")
    (tmp_path / "lab_single.py").write_text("class Part: ...\n")
    (tmp_path / "unrelated.py").write_text("")
    monkeypatch.setattr(nerfzip, "__file__", str(tmp_path / "nerfzip/__init__.py"))
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("lab_")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "rooms", "changes"),
    [
        ("nerfzip/fields/grid.py", FIT_ROOMS, True),
        ("nerfzip/entropy/coder.py", FIT_ROOMS, False),
        ("nerfzip/entropy/coder.py", POINT_ROOMS, True),
        ("nerfzip/cli.py", POINT_ROOMS, False),
        ("lab_methods/fine/inner.py", FIT_ROOMS, True),
        ("lab_methods/fine/sibling.py", FIT_ROOMS, True),
        ("lab_single.py", FIT_ROOMS, True),
        ("unrelated.py", POINT_ROOMS, False),
    ],
)
def test_an_edit(root: Path, file: str, rooms: tuple[str, ...], changes: bool) -> None:
    before = code_version(SETTINGS, rooms)
    (root / file).write_text((root / file).read_text() + "# edited\n")
    module._digest.cache_clear()
    assert (code_version(SETTINGS, rooms) != before) == changes


def test_the_rooms_exist() -> None:
    """A room that was renamed would silently fall out of the hash."""
    package = Path(nerfzip.__file__).parent
    assert [room for room in POINT_ROOMS if not (package / room).exists()] == []
