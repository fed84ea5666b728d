import inspect
from functools import partial
from pathlib import Path

import pytest
from hydra.utils import get_method, instantiate
from omegaconf import OmegaConf
from tiny_captures import (
    write_dna_rendering,
    write_dtu,
    write_easymocap,
    write_gso,
    write_instant_ngp,
    write_nerf_synthetic,
    write_nsvf,
    write_objaverse,
    write_panoptic,
    write_rerf,
)

from nerfzip.data import Scene, VolumetricScene
from nerfzip.data.scene import frames_of

CONF = Path(__file__).parents[2] / "conf" / "dataset"
WRITERS = {
    "nerf_synthetic": write_nerf_synthetic,
    "nsvf": write_nsvf,
    "tanks_temples": partial(write_nsvf, packaging="tanks"),
    "fox": write_instant_ngp,
    "objaverse": write_objaverse,
    "gso": write_gso,
    "dtu": write_dtu,
    "panoptic": write_panoptic,
    "rerf": write_rerf,
    "dna_rendering": write_dna_rendering,
    "nhr": partial(write_easymocap, masks="mask"),
    "zju_mocap": partial(write_easymocap, masks="schp"),
}
SETTINGS = {
    "dtu": {"crop": None},
    "panoptic": {"frames": "1:3", "test_cameras": [9], "box": [[-1, -1, -1], [1, 1, 1]]},
    "rerf": {"frames": "1:3"},
    "dna_rendering": {"frames": "1:3", "box": [[-1, -1, -1], [1, 1, 1]]},
    "nhr": {"frames": "1:3", "test_cameras": [1], "unused_cameras": [0]},
    "zju_mocap": {"frames": "1:3"},
}
"""What a tiny capture needs."""
VIDEOS = set(SETTINGS) - {"dtu"}


@pytest.mark.parametrize("name", WRITERS)
def test_yaml_makes_a_scene(name: str, tmp_path: Path) -> None:
    capture = WRITERS[name](tmp_path)
    config = OmegaConf.load(CONF / f"{name}.yaml")
    config.root = str(capture.folder if name == "fox" else capture.root)
    if name != "fox":
        config.scene = capture.scene
    capture_read = instantiate(config, downscale=2, **SETTINGS.get(name, {}))
    assert isinstance(capture_read, VolumetricScene if name in VIDEOS else Scene)
    assert frames_of(capture_read)[0].train.cameras.width == 16
    if isinstance(capture_read, VolumetricScene):
        assert (capture_read.frame_boxes is not None) == (name in ("nhr", "zju_mocap"))


@pytest.mark.parametrize("name", WRITERS)
def test_yaml_states_every_setting_and_its_default(name: str) -> None:
    config = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    assert isinstance(config, dict)
    parameters = inspect.signature(get_method(config.pop("_target_"))).parameters
    assert set(config) == set(parameters)
    for key, value in config.items():
        default = parameters[key].default
        if default is inspect.Parameter.empty:
            assert value == "???"
        else:
            assert value == OmegaConf.to_container(OmegaConf.create({"x": default}))["x"]  # type: ignore[index]
