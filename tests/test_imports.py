"""Imports go downwards only: who may know whom among nerfzip's rooms and the methods."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    {"errors"},
    {"files", "progress", "compiled", "console", "stopwatch", "on_device"},
    {"__init__"},
    {"geometry", "kernels"},
    {"data", "sampling", "quantization", "metrics"},
    {"fields"},
    {"training", "rendering", "entropy", "bitstream"},
    {"method"},
    {"registry", "settings_check"},
    {"devices"},
    {"config"},
    {"benchmark"},
    {"report"},
    {"commands"},
    {"cli"},
    {"skeleton"},
]
"""Rooms (folders and single files) of nerfzip, lowest first. A room may import lower layers, but not its neighbours."""
LEVELS = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
KNOWN_TO_DATA = {"errors", "files", "geometry"}


def imported(file: Path) -> Iterator[list[str]]:
    """The dotted names, split at the dots, that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield from ([*str(node.module).split("."), alias.name] for alias in node.names)


def room_of(file: Path, package: Path) -> str:
    return file.relative_to(package).parts[0].removesuffix(".py")


def allowed(room: str, name: list[str]) -> bool:
    """Whether a room of nerfzip may import a name of ours."""
    if name[0] != "nerfzip":
        return False
    if name == ["nerfzip"] or name[1] == room:
        return True
    if room == "data":
        return name[1] in KNOWN_TO_DATA
    return LEVELS[name[1]] < LEVELS[room]


def allowed_in_methods(method: str, name: list[str]) -> bool:
    if name[0] == "methods":
        return name[1:2] == [method]
    return name[0] == "nerfzip" and LEVELS[name[1]] <= LEVELS["method"]


def violations(root: Path) -> list[str]:
    """Each as "FILE imports NAME"."""
    found = []
    for package, rule in ((root / "nerfzip", allowed), (root / "methods", allowed_in_methods)):
        for file in sorted(package.rglob("*.py")):
            for name in imported(file):
                ours = name[0] in ("nerfzip", "methods", "benchmarks", "tests")
                if ours and not rule(room_of(file, package), name):
                    found.append(f"{file.relative_to(root)} imports {'.'.join(name)}")
    return found


def test_imports_go_downwards() -> None:
    assert violations(ROOT) == []


def test_every_room_has_a_layer() -> None:
    package = ROOT / "nerfzip"
    rooms = {room_of(file, package) for file in package.rglob("*.py")}
    assert rooms <= LEVELS.keys()


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("nerfzip/kernels/deep/a.py", "from nerfzip.fields import VoxelField"),
        ("nerfzip/kernels/a.py", "import nerfzip.geometry"),
        ("nerfzip/data/a.py", "from nerfzip.kernels import march_density"),
        ("nerfzip/method.py", "from nerfzip import benchmark"),
        ("nerfzip/__init__.py", "from nerfzip.kernels import use_twins"),
        ("nerfzip/errors.py", "def f():\n    from nerfzip.files import write_atomically"),
        ("nerfzip/benchmark/a.py", "import methods.vqrf.method"),
        ("nerfzip/cli.py", "from methods import dvgo"),
        ("nerfzip/cli.py", "from benchmarks import demo"),
        ("methods/vqrf/deep/a.py", "from methods.dvgo.base import VoxelBase"),
        ("methods/vqrf/a.py", "from nerfzip.benchmark.job import run_job"),
        ("methods/vqrf/a.py", "from nerfzip.config import build"),
    ],
)
def test_what_points_upwards_is_found(tmp_path: Path, file: str, line: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(line)
    (tmp_path / "nerfzip").mkdir(exist_ok=True)
    (tmp_path / "nerfzip/config.py").write_text("import os\nfrom nerfzip.errors import ConfigError\n")
    assert len(violations(tmp_path)) == 1
    assert violations(tmp_path)[0].startswith(f"{file} imports ")
