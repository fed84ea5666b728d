"""`nerfzip encode` with images in place of a data set."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_codec import tiny_base_model, tiny_object

from methods.codecnerf.base_model import MODELS_VARIABLE, read_base_model
from methods.codecnerf.examples import source_views
from nerfzip.bitstream import unpack
from nerfzip.cli import main
from nerfzip.config import build_for_decoding
from nerfzip.data.gso import load_gso
from nerfzip.data.posed_images import load_posed_images
from nerfzip.data.scene import Scene
from nerfzip.geometry import OPENGL_TO_OPENCV


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Views of an object with a transforms.json."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    return written_images(tiny_object(1, tmp_path / "views"), tmp_path / "thing", 4, alpha=False)


def written_images(scene: Scene, folder: Path, count: int, alpha: bool) -> list[str]:
    """The first training views and their cameras; on the background, or with alpha."""
    views = scene.train
    folder.mkdir()
    frames = []
    for index in range(count):
        pixels = 255 * views.rgba(index) if alpha else views.image(index, scene.background)
        Image.fromarray(pixels.round().numpy().astype(np.uint8)).save(folder / f"{index}.png")
        pose = views.cameras.camera_to_world[index].double() @ OPENGL_TO_OPENCV.double()
        frames.append({"file_path": f"{index}.png", "transform_matrix": pose.tolist()})
    focal = float(views.cameras.intrinsics[0, 0])
    (folder / "transforms.json").write_text(json.dumps({"fl_x": focal, "frames": frames}))
    return [str(folder / f"{index}.png") for index in range(count)]


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


def test_images_of_an_object_give_the_codes_of_its_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The box is a cube, found from the alpha channel; that of the data set may be named."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    scene = tiny_object(1, tmp_path / "views")
    count = len(scene.train)
    images = written_images(scene, tmp_path / "thing", count, alpha=True)
    found = load_posed_images(images).box
    assert max(found.size) == pytest.approx(min(found.size))
    # What the silhouettes leave of space, of the object that lies in the cube of ±0.5.
    assert 0.7 < max(found.size) < 1.3
    base, out = tiny_base_model(tmp_path), tmp_path / "a.nrz"
    words = ["encode", "method=codecnerf", f"method.base_model={base}", *images, f"out={out}", "--no-finetune"]
    assert main([*words, "dataset.box=[[-0.5,-0.5,-0.5],[0.5,0.5,0.5]]"]) == 0
    chosen = [round(index * (count - 1) / 19) for index in range(20)]  # As many as this base model takes.
    source = source_views(scene, scene.train, chosen)
    expected = read_base_model(base).codec.encode(source)
    decoded = build_for_decoding("codecnerf", "cpu").decompress(out.read_bytes())
    same = decoded.coded_tensors()["codes"] == expected
    assert float(same.float().mean()) > 0.95  # Images have 8 bits.


def test_frames_may_have_matrices_of_intrinsics(shared_data: Path) -> None:
    """As the renders of Google Scanned Objects, of objects whose longest side is 1."""
    folder = shared_data / "gso" / "Android_Figure_Orange"
    images = [str(path) for path in sorted(folder.glob("*.png"))[:16]]
    scene = load_posed_images(images)
    expected = load_gso(shared_data / "gso", "Android_Figure_Orange")
    intrinsics = expected.splits["source"].cameras.intrinsics[0]
    torch.testing.assert_close(scene.train.cameras.intrinsics[0], intrinsics)
    assert 0.95 < max(scene.box.size) < 1.1


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
    # Nor does planning, which asks for the digest of the base model.
    settings = f"job_configs(['method=codecnerf', 'dataset=procedural_objects', 'method.base_model={base}'])[0]"
    program = (
        "import sys; from pathlib import Path;"
        "from nerfzip.config import build_for_decoding, input_digests, job_configs;"
        f"assert input_digests({settings}.method_settings);"
        f"build_for_decoding('codecnerf', 'cpu').decompress(Path({str(out)!r}).read_bytes());"
        "sys.exit('timm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=100).returncode == 0
