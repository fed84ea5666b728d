"""`nerfzip encode` with images in place of a data set."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_codec import tiny_base_model, tiny_object

from methods.codecnerf.base_model import MODELS_VARIABLE
from nerfzip.bitstream import unpack
from nerfzip.cli import main
from nerfzip.geometry import OPENGL_TO_OPENCV


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Views of an object with a transforms.json."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    scene = tiny_object(1, tmp_path / "views")
    views, folder = scene.train, tmp_path / "thing"
    folder.mkdir()
    frames = []
    for index in range(4):
        image = views.image(index, scene.background).numpy().astype(np.uint8)
        Image.fromarray(image).save(folder / f"{index}.png")
        pose = views.cameras.camera_to_world[index].double() @ OPENGL_TO_OPENCV.double()
        frames.append({"file_path": f"{index}.png", "transform_matrix": pose.tolist()})
    focal = float(views.cameras.intrinsics[0, 0])
    (folder / "transforms.json").write_text(json.dumps({"fl_x": focal, "frames": frames}))
    return [str(folder / f"{index}.png") for index in range(4)]


def test_images_become_a_file_by_one_pass(
    images: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tiny_base_model(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["encode", "method=codecnerf", f"method.base_model={base}", *images, "--no-finetune"]) == 0
    assert "thing.nrz: " in capsys.readouterr().out
    assert list(unpack((tmp_path / "thing.nrz").read_bytes()).sections) == ["codes"]
    # With more views the codes are others.
    words = ["encode", "method=codecnerf", "--no-finetune", f"method.base_model={base}", "out=two.nrz", *images[:2]]
    # A file that is there is replaced.
    (tmp_path / "two.nrz").write_text("older")
    assert main(words) == 0
    assert (tmp_path / "two.nrz").read_bytes() != (tmp_path / "thing.nrz").read_bytes()


def test_an_image_that_is_missing_is_named(
    images: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["encode", "method=codecnerf", f"method.base_model={tiny_base_model(tmp_path)}", "nowhere.png"]
    assert main([*words, *images, "--no-finetune"]) == 2
    assert "nowhere.png: no such image" in capsys.readouterr().err


def test_decoding_imports_nothing_that_only_the_encoder_needs(images: list[str], tmp_path: Path) -> None:
    """Importing timm takes longer than decoding."""
    base, out = tiny_base_model(tmp_path), tmp_path / "a.nrz"
    assert (
        main(["encode", "method=codecnerf", f"method.base_model={base}", *images, f"out={out}", "--no-finetune"]) == 0
    )
    program = (
        "import sys; from pathlib import Path; from nerfzip.config import build_for_decoding;"
        f"build_for_decoding('codecnerf', 'cpu').decompress(Path({str(out)!r}).read_bytes());"
        "sys.exit('timm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=100).returncode == 0
