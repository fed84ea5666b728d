"""The code in the documentation is run as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nerfzip.benchmark.row import read_row
from nerfzip.cli import main
from nerfzip.config import build_scene
from nerfzip.errors import CaptureError

ROOT = Path(__file__).parents[2]
SHORT = [
    "dataset.resolution=24",
    "dataset.views=6",
    "dataset.test_views=1",
    "dataset.samples=1",
    "method.base.coarse.voxels=4000",
    "method.base.coarse.iterations=30",
    "method.base.fine.voxels=4000",
    "method.base.fine.iterations=10",
    "method.base.fine.growth_at=[2]",
    "device=cpu",
]


def install_example(document: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write each file that a document shows, as `name`: and a block of code, and make them known to nerfzip."""
    text = (ROOT / "docs" / document).read_text()
    files = re.findall(r"^`([\w/]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(files) == 2
    for name, content in files:
        file = folder / name
        file.parent.mkdir(parents=True)
        file.write_text(content)
    code, _ = files[0][0].split("/")
    monkeypatch.setenv("NERFZIP_CONF", str(folder / "my_conf"))
    monkeypatch.setenv("PYTHONPATH", str(folder / code))
    monkeypatch.syspath_prepend(folder / code)


def test_the_method_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_example("add-a-method.md", tmp_path, monkeypatch)
    folders = [
        f"{key}={tmp_path / name}" for key, name in (("out", "out"), ("cache", "fits"), ("dataset.cache", "views"))
    ]
    assert main(["run", "method=rounded", "rate=all", "dataset=procedural", *SHORT, *folders]) == 0
    rows = {row.rate: row for row in map(read_row, (tmp_path / "out").glob("*/row.json"))}
    assert rows["low"].bytes < 0.8 * rows["high"].bytes
    assert rows["low"].fit_from_cache or rows["high"].fit_from_cache
    assert all(np.isfinite(row.metrics["psnr"]) for row in rows.values())


def test_the_data_set_of_the_documentation_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_example("add-a-data-set.md", tmp_path, monkeypatch)
    capture = tmp_path / "cup"
    capture.mkdir()
    poses = np.tile(np.eye(4), (9, 1, 1))
    poses[:, 2, 3] = -4  # looks along +z at the origin
    np.save(capture / "poses.npy", poses)
    for index in range(9):
        Image.new("RGB", (20, 10), (index, 0, 0)).save(capture / f"{index:04d}.png")
    words = ["dataset=turntable", f"dataset.root={capture}", "dataset.focal=8"]
    scene = build_scene(words)
    assert (scene.name, len(scene.train), len(scene.test)) == ("cup", 7, 2)
    assert scene.test.names == ("0000", "0008")
    assert scene.test.image(1, scene.background)[0, 0].tolist() == [8, 0, 0]
    # x = 1 at a distance of 4 is 8 / 4 pixels right of the centre (10, 5).
    projected = scene.train.cameras.project(torch.tensor([[1.0, 0.0, 0.0]]), 0)
    assert projected.tolist() == [pytest.approx([12, 5, 4])]
    (capture / "poses.npy").unlink()
    with pytest.raises(CaptureError, match=r"no poses\.npy"):
        build_scene(words)
