"""The built wheel, installed into an environment of its own and used from another folder, has all that it needs."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from nerfzip.config import build_scene

ROOT = Path(__file__).parents[1]
SCENE = [
    "dataset=procedural",
    "dataset.resolution=16",
    "dataset.views=6",
    "dataset.test_views=1",
    "dataset.samples=1",
]
SMALL = [
    "method.base.coarse.voxels=1000",
    "method.base.coarse.iterations=30",
    "method.base.coarse.rays=64",
    "method.base.fine.voxels=1000",
    "method.base.fine.iterations=5",
    "method.base.fine.growth_at=[2]",
    "method.base.fine.rays=64",
    "method.codebook_size=8",
    "method.codebook_iterations=2",
    "method.finetuning.iterations=2",
    "method.finetuning.rays=64",
    "method.coder=paper",
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel; the dependencies are those that are installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("nerfzip-*.whl")
    fresh = folder / "venv"
    venv.create(fresh, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", fresh / "bin" / "python", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, wheel], check=True, capture_output=True)
    (site_packages,) = (fresh / "lib").glob("python*/site-packages")
    # A path in a .pth file: the .pth files there, such as that of the checkout, are not followed.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return fresh


def run(environment: Path, folder: Path, *words: str) -> str:
    """What a command of the environment prints when it is called in another folder."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "NERFZIP_CONF")}
    command = [environment / "bin" / words[0], *words[1:]]
    variables = inherited | {"XDG_CACHE_HOME": str(folder / "cache")}
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_package_is_the_wheel_and_not_the_checkout(environment: Path, tmp_path: Path) -> None:
    script = "import methods, nerfzip; print(nerfzip.__file__); print(methods.__file__)"
    for file in run(environment, tmp_path, "python", "-c", script).splitlines():
        assert environment in Path(file).parents


def test_list_reads_the_configuration_in_the_wheel(environment: Path, tmp_path: Path) -> None:
    listing = run(environment, tmp_path, "nerfzip", "list")
    files = [
        file.relative_to(ROOT / "conf").with_suffix("").as_posix()
        for group in ("method", "dataset", "launcher", "preset")
        for file in (ROOT / "conf" / group).rglob("*.yaml")
    ]
    listed = [
        line.split()[0].removeprefix("+").removeprefix("hydra/").replace("=", "/") for line in listing.splitlines()
    ]
    assert sorted(listed) == sorted(files)


def test_a_method_can_be_started_outside_the_checkout(environment: Path, tmp_path: Path) -> None:
    run(environment, tmp_path, "nerfzip", "new-method", "mine")
    assert "class MineMethod:" in (tmp_path / "mine" / "mine" / "method.py").read_text()
    assert (tmp_path / "mine" / "conf" / "method" / "mine.yaml").is_file()


def test_the_files_of_the_web_page_are_in_the_wheel(environment: Path, tmp_path: Path) -> None:
    script = "from nerfzip.report.page.page import page_files; print(*page_files(), sep='\\n')"
    printed = run(environment, tmp_path, "python", "-c", script)
    assert all(Path(file).is_file() and environment in Path(file).parents for file in printed.splitlines())
    assert len(printed.splitlines()) > 5


@pytest.mark.slow
def test_a_file_is_made_and_verified_outside_the_checkout(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*SCENE, f"dataset.cache={tmp_path / 'views'}"]
    scene = build_scene(words)
    for view in scene.splits.values():
        view.images(scene.background)  # traced here and found in the cache there
    # Compiling the other kernels anew takes a minute; at this size they are quick enough in Python.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    words += ["method=vqrf", "method/base=deferred", *SMALL, "device=cpu", "out=tiny.nrz"]
    run(environment, tmp_path, "nerfzip", "encode", *words)
    assert "tiny.nrz: good, vqrf" in run(environment, tmp_path, "nerfzip", "verify", "tiny.nrz")
