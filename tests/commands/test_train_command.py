"""`nerfzip train`."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from nerfzip.cli import main
from nerfzip.config import training_config
from nerfzip.errors import ConfigError

SMALL = [
    "method.codec.views.side=16",
    "method.codec.views.width=8",
    "method.codec.views.depth=1",
    "method.codec.views.heads=2",
    "method.codec.views.channels=3",
    "method.codec.lattice=8",
    "method.codec.volume=[8,8]",
    "method.codec.latent=4",
    "method.codec.codes=32",
    "method.codec.decoder_blocks=[4]",
    "method.codec.planes.width=4",
    "method.codec.planes.refinement=[4]",
    "method.codec.networks.width=8",
    "method.codec.networks.hidden_layers=1",
    "method.training.sample.source_views=3",
    "method.training.sample.target_views=1",
    "method.training.sample.rays=32",
    "method.training.steps=2",
    "method.training.objects=1",
    "method.training.counted_objects=1",
]
OBJECTS = ["dataset=procedural_objects", "dataset.resolution=16", "dataset.samples=1", "scenes=0:3", "validation=0:1"]


def test_a_base_model_that_then_encodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NERFZIP_MODELS", str(tmp_path / "models"))
    cache = f"dataset.cache={tmp_path / 'views'}"
    assert main(["train", "method=codecnerf", *OBJECTS, cache, *SMALL, f"out={tmp_path / 'base'}"]) == 0
    assert {"base.safetensors", "base.md", "log.jsonl"} <= {path.name for path in (tmp_path / "base").iterdir()}
    settings = OmegaConf.load(tmp_path / "base" / "config.yaml")
    assert settings.dataset_settings.resolution == 16 and settings.scenes == ["0", "1", "2"]
    assert main(["train", "method=codecnerf", *OBJECTS, cache, *SMALL, f"out={tmp_path / 'base'}", "seed=1"]) == 2
    assert OmegaConf.load(tmp_path / "base" / "config.yaml").seed == 0
    own = [f"method.base_model={tmp_path / 'base' / 'base.safetensors'}", "rate=bare", f"out={tmp_path / 'a.nrz'}"]
    objects = ["dataset=procedural_objects", "dataset.scene=7", "dataset.resolution=16", cache]
    assert main(["encode", "method=codecnerf", *objects, *own]) == 0
    # The default settings name no model; it is found by its digest.
    assert main(["verify", str(tmp_path / "a.nrz")]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["method=dvgo", "dataset=procedural_objects"], "method dvgo has nothing to train beforehand"),
        (["method=codecnerf", "dataset=gso", "dataset.root=here"], "scenes: missing; add scenes=NAME,NAME"),
        (["method=codecnerf", "dataset=procedural_objects", "scenes=5:5"], "scenes=5:5: expected numbers of scenes"),
        (["method=codecnerf", "dataset=procedural_objects", "scenes=cake"], "scenes=cake: expected numbers of scenes"),
        (["method=codecnerf"], "dataset: missing"),
        (
            ["method=codecnerf", "dataset=objaverse", "dataset.root=here", "scenes=cake,camera", "validation=cake"],
            "validation: cake stand among scenes too",
        ),
        (["method=codecnerf", *OBJECTS, "method.training.codebook_decay=1"], "training.codebook_decay: 1"),
        (["method=codecnerf", *OBJECTS, "method.codec.source_views=0"], "source_views: 0"),
        (["method=codecnerf", "dataset=procedural_objects", "device=cuda"], "device=cuda: "),
        (["method=codecnerf", "dataset=procedural_objects", "rate=bare"], "rate=bare: rates are of files"),
    ],
)
def test_what_it_refuses(
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["train", *words, f"out={tmp_path / 'base'}"]) == 2
    assert message in capsys.readouterr().err


def test_scenes_have_names_or_numbers() -> None:
    named = ["method=codecnerf", "dataset=objaverse", "dataset.root=here", "scenes=cake,camera", "validation=chair"]
    config = training_config(named)
    assert config.scenes == ["cake", "camera"] and config.validation == ["chair"]
    assert config.dataset_settings["scene"] == "cake"
    numbered = training_config(["method=codecnerf", "dataset=procedural_objects", "scenes=3:9"])
    assert list(numbered.scenes) == [3, 4, 5, 6, 7, 8] and len(numbered.validation) == 16
    with pytest.raises(ConfigError, match=r"unknown setting 'method\.trainings'"):
        training_config([*named, "method.trainings=3"])
