import inspect
from pathlib import Path

import pytest
from hydra.utils import get_method, instantiate
from omegaconf import OmegaConf
from tiny_captures import (
    Capture,
    write_dna_rendering,
    write_easymocap,
    write_instant_ngp,
    write_nerf_synthetic,
    write_nsvf,
    write_panoptic,
    write_rerf,
)

from nerfzip.data import Scene, VolumetricScene
from nerfzip.data.scene import frames_of

CONF = Path(__file__).parents[2] / "conf" / "dataset"
FORMATS = ["nerf_synthetic", "nsvf", "tanks_temples", "fox", "panoptic", "rerf", "dna_rendering", "nhr", "zju_mocap"]
SETTINGS = {
    "panoptic": {"frames": "1:3", "test_cameras": [9], "box": [[-1, -1, -1], [1, 1, 1]]},
    "rerf": {"frames": "1:3"},
    "dna_rendering": {"frames": "1:3", "box": [[-1, -1, -1], [1, 1, 1]]},
    "nhr": {"frames": "1:3", "test_cameras": [1], "unused_cameras": [0]},
    "zju_mocap": {"frames": "1:3"},
}
"""What a tiny capture of volumetric video needs."""


def write(name: str, root: Path) -> Capture:
    if name == "nerf_synthetic":
        return write_nerf_synthetic(root)
    if name == "fox":
        return write_instant_ngp(root)
    if name == "panoptic":
        return write_panoptic(root)
    if name == "dna_rendering":
        return write_dna_rendering(root)
    if name == "rerf":
        return write_rerf(root)
    if name in ("nhr", "zju_mocap"):
        return write_easymocap(root, "mask" if name == "nhr" else "schp")
    return write_nsvf(root, packaging="synthetic" if name == "nsvf" else "tanks")


@pytest.mark.parametrize("name", FORMATS)
def test_yaml_makes_a_scene(name: str, tmp_path: Path) -> None:
    capture = write(name, tmp_path)
    config = OmegaConf.load(CONF / f"{name}.yaml")
    config.root = str(capture.folder if name == "fox" else capture.root)
    if name != "fox":
        config.scene = capture.scene
    capture_read = instantiate(config, downscale=2, **SETTINGS.get(name, {}))
    assert isinstance(capture_read, VolumetricScene if name in SETTINGS else Scene)
    assert frames_of(capture_read)[0].train.cameras.width == 16
    if isinstance(capture_read, VolumetricScene):
        assert (capture_read.frame_boxes is not None) == (name in ("nhr", "zju_mocap"))


@pytest.mark.parametrize("name", FORMATS)
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
