"""Every method fits and compresses on another device than the CPU, where its files are decoded."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from simulated_device import DEVICE, simulated_device
from test_contract import capture_words, tiny_settings

from nerfzip import registry
from nerfzip.benchmark.job import encode
from nerfzip.config import build, job_configs
from nerfzip.data.scene import frames_of
from nerfzip.method import VolumetricField

SHORT_VOXELS = [
    "coarse.iterations=15",
    "coarse.rays=128",
    "fine.rays=128",
    "fine.iterations=4",
    "fine.growth_at=[2]",
    "fine.refresh_at=[3]",
]
SHORT_SCHEDULE = ["iterations=2", "rays=64", "refresh_at=[1]"]
SHORT = {
    "dvgo": [f"method.base.{word}" for word in SHORT_VOXELS],
    "vqrf": [f"method.base.{word}" for word in SHORT_VOXELS],
    "codecnerf": ["method.finetuning.iterations=2"],
    "triplanes": ["method.schedule.iterations=2"],
    "rerf": [
        "method.base.key_frame.iterations=8",
        "method.base.key_frame.rays=128",
        "method.base.key_frame.growth_at=[4]",
        "dataset.frames=2",
    ],
    "jointrf": [
        "method.base.first_distillation.iterations=2",
        "method.base.distillation.iterations=2",
        *(
            f"method.{stage}.{word}"
            for stage in ("base.first", "base.further", "key", "other")
            for word in SHORT_SCHEDULE
        ),
        "dataset.frames=2",
    ],
    "mlp_maps": [
        *(
            f"method.{stage}.{word}"
            for stage in ("base.schedule", "finetuning")
            for word in ("iterations=2", "rays=64", "samples=8")
        ),
        "dataset.frames=2",
    ],
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "jointrf" else [])
        for name in registry.names("method")
        if "/" not in name
    ],
)
def test_files_of_another_device_are_decoded_here(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*capture_words(name), f"dataset.cache={tmp_path / 'views'}", f"cache={tmp_path / 'fits'}"]
    (config,) = job_configs([f"method={name}", *words, *tiny_settings(name), *SHORT.get(name, [])])
    scene, method = build(config.dataset_settings), build(config.method_settings)
    given: list[str] = []

    def noting(step: Any) -> Any:
        def noted(*arguments: Any) -> Any:
            given.append(frames_of(arguments[-1])[0].train.cameras.device.type)
            given.append(torch.zeros(1).device.type)
            return step(*arguments)

        return noted

    monkeypatch.setattr("nerfzip.benchmark.job.build", lambda settings: method)
    method.fit, method.compress = noting(method.fit), noting(method.compress)
    with simulated_device():
        data = encode(replace(config, device=DEVICE), scene).data
    assert given == 4 * [DEVICE]
    decoded = build(config.method_settings).decompress(data)
    field = decoded.frame(1) if isinstance(decoded, VolumetricField) else decoded
    rays = frames_of(scene)[0].test.cameras.image_rays(0)
    assert math.isfinite(float(field.render(rays[::7]).rgb.sum()))
