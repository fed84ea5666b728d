"""The tiny method and its scene, registered as a user would register their own."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nerfzip.benchmark import decode_process, decode_worker
from nerfzip.cli import main

FILES = {
    "method/tiny.yaml": """\
# A tiny method
defaults: [{base: tiny_base}, _self_]
_target_: tiny_method.TinyMethod
levels: 256
seconds: 0.0
lie: false
rates:
  coarse: {levels: 3}
  fine: {levels: 256}
  broken: {levels: 1}
default_rate: fine
""",
    "method/tiny_wrapper.yaml": """\
# The tiny method again: another name, the same base
defaults: [{base: tiny_base}, _self_]
_target_: tiny_method.TinyMethod
levels: 17
""",
    "method/base/tiny_base.yaml": "_target_: tiny_method.TinyBase\ngain: 1.0\nseconds: 0.0\nseed: ${seed}\n",
    "dataset/grey.yaml": "# A grey wall\n_target_: tiny_method.load_tiny_scene\nviews: 2\nshade: ???\n",
}


def install_tiny(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Words for `nerfzip run` that make a complete, quick job in folder/out with its cache in folder/cache."""
    for name, text in FILES.items():
        file = folder / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setenv("NERFZIP_CONF", str(folder / "conf"))
    monkeypatch.setenv("TINY_FITS", str(folder / "fits"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    cache, out = folder / "cache", folder / "out"
    return ["method=tiny", "dataset=grey", "dataset.shade=0.6", f"cache={cache}", f"out={out}", "device=cpu"]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return install_tiny(tmp_path, monkeypatch)


@pytest.fixture
def both(tiny: list[str]) -> list[str]:
    """8 points of 2 fits, 2 of which fail, looked at often."""
    words = [*tiny[1:], "method=tiny,tiny_wrapper", "rate=coarse,fine,broken,default", "seed=0,1"]
    return [*words, "launch.poll_seconds=0.2", "launch.quiet_seconds=1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """A folder in which `nerfzip run` has made two rates, decoded in real fresh processes, and its words."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as monkeypatch:
        words = [*install_tiny(folder, monkeypatch), "rate=coarse,fine"]
        assert main(["run", *words]) == 0
        yield folder, words


@pytest.fixture
def decode_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode in this process, which saves the seconds that starting another takes."""

    def run(command: list[Any], **_: Any) -> SimpleNamespace:
        assert command[1:3] == ["-m", "nerfzip.benchmark.decode_worker"]
        return SimpleNamespace(returncode=decode_worker.main([str(word) for word in command[3:]]))

    monkeypatch.setattr(decode_process, "subprocess", SimpleNamespace(run=run))
