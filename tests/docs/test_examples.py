"""The code in the documentation is run as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nerfzip.commands.new_method import skeleton_files
from nerfzip.config import build_scene
from nerfzip.errors import CaptureError

ROOT = Path(__file__).parents[2]


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


def test_the_method_of_the_documentation_is_what_new_method_writes() -> None:
    text = (ROOT / "docs" / "add-a-method.md").read_text()
    shown = re.findall(r"^`my_methods/([\w/.]+)`:\n\n```\w+\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert [name for name, _ in shown] == ["rounded/method.py", "conf/method/rounded.yaml"]
    written = skeleton_files("rounded", own=True)
    for name, content in shown:
        assert content == written[name]


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
