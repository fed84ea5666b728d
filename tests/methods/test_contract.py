"""Every registered method, through fit → compress → file → fresh process → render; and every rate of its ladder."""

import functools
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from simulated_device import DEVICE, simulated_device
from tiny_codec import tiny_base_model

from nerfzip import registry
from nerfzip.benchmark.camera_file import write_cameras
from nerfzip.benchmark.measured_views import measured_cameras, measured_views
from nerfzip.bitstream import tensor_digest, unpack
from nerfzip.config import build, build_base, job_configs
from nerfzip.data.scene import frames_of
from nerfzip.errors import ConfigError
from nerfzip.fields.placement import placed
from nerfzip.files import write_atomically
from nerfzip.method import VolumetricField
from nerfzip.metrics import psnr
from nerfzip.rendering.images import read_png

ROOT = Path(__file__).parents[2]
TINY_SCENE = [
    "dataset=procedural",
    "dataset.resolution=32",
    "dataset.views=8",
    "dataset.test_views=2",
    "dataset.samples=1",
    "device=cpu",
]
TINY_VIDEO = [word.replace("procedural", "procedural_dynamic") for word in TINY_SCENE] + ["dataset.frames=3"]
TINY_VOXELS = [
    "method.base.width=16",
    "method.base.coarse.voxels=8000",
    "method.base.coarse.iterations=20",
    "method.base.coarse.rays=256",
    "method.base.coarse.occupied_alpha=1e-3",
    "method.base.fine.voxels=15000",
    "method.base.fine.iterations=30",
    "method.base.fine.growth_at=[10]",
    "method.base.fine.refresh_at=[20]",
    "method.base.fine.refresh_every=0",
    "method.base.fine.rays=256",
    "method.base.fine.occupied_alpha=1e-3",
]
TINY_SCHEDULE = ["iterations=12", "rays=256", "refresh_at=[5]"]
SCHEDULES = ["base.first", "base.further", "key", "other"]
TINY: dict[str, list[str]] = {
    "codecnerf": ["method.finetuning.iterations=5", "method.finetuning.rays=256"],
    "jointrf": [
        *(word.replace("method.base.", "method.base.teacher.") for word in TINY_VOXELS),
        "method.base.budget.parameters=20000",
        "method.base.budget.finest=32",
        "method.base.budget.samples=48",
        "method.base.networks.projection_width=16",
        "method.base.networks.colour_width=16",
        "method.base.networks.appearance=6",
        "method.base.occupancy=24",
        "method.base.group=2",
        "method.base.first_distillation.iterations=10",
        "method.base.distillation.iterations=5",
        *(
            f"method.{stage}.{word}"
            for stage in ("base.first", "base.further", "key", "other")
            for word in TINY_SCHEDULE
        ),
    ],
    "mlp_maps": [
        "method.base.levels.count=4",
        "method.base.levels.finest=24",
        "method.base.levels.max_entries=1024",
        "method.base.decoder.latent=8",
        "method.base.decoder.features=8",
        "method.base.decoder.channels=[8,8,8]",
        "method.base.decoder.density_channels=[]",
        "method.base.decoder.colour_channels=[8,8]",
        "method.base.hidden=8",
        "method.base.rendering.steps=48",
        "method.base.hull_resolution=24",
        "method.base.occupancy.resolution=[12,12,12]",
        "method.base.occupancy.points=2",
        *(
            f"method.{stage}.{word}"
            for stage in ("base.schedule", "finetuning")
            for word in ("iterations=12", "frames=1", "rays=256", "samples=24", "refresh_at=[]")
        ),
        "method.group=2",
    ],
    "rerf": [
        "method.base.width=16",
        "method.base.key_frame.voxels=15000",
        "method.base.key_frame.iterations=40",
        "method.base.key_frame.growth_at=[10]",
        "method.base.key_frame.refresh_every=0",
        "method.base.key_frame.rays=256",
        "method.base.motion.iterations=3",
        "method.base.motion.rays=128",
        "method.base.residual.iterations=5",
        "method.base.residual.rays=256",
        "method.group_size=2",
    ],
    "triplanes": [
        "method.sides=[6,9]",
        "method.channels=4",
        "method.networks.width=8",
        "method.networks.hidden_layers=1",
        "method.sampling.coarse=8",
        "method.sampling.fine=8",
        "method.schedule.iterations=20",
        "method.schedule.rays=256",
    ],
    "vqrf": [
        *TINY_VOXELS,
        "method.codebook_size=32",
        "method.codebook_iterations=5",
        "method.codebook_batch=200",
        "method.finetuning.iterations=4",
        "method.finetuning.rays=256",
    ],
}
"""For each method, what makes it small enough to be fitted in a second or two; its variants take the same, and a method
that is not here takes `TINY_VOXELS`, which is all for one that has a voxel base and no settings that take time."""


TINY_VARIANTS = {"mlp_maps/published_nhr": ["method.base.encoder.cameras=[0,3]", "method.base.encoder.channels=[4,4]"]}


def capture_words(name: str) -> list[str]:
    """A tiny capture of the kind that the method takes."""
    (config,) = job_configs([f"method={name}", *TINY_SCENE])
    return TINY_VIDEO if getattr(build(config.method_settings), "volumetric", False) else TINY_SCENE


@functools.cache
def base_model() -> Path:
    """Of CodecNeRF; one that has learnt nothing will do."""
    return tiny_base_model(Path(tempfile.mkdtemp()))


def tiny_settings(name: str) -> list[str]:
    own = [f"method.base_model={base_model()}"] if name.startswith("codecnerf") else []
    return TINY.get(name.split("/")[0], TINY_VOXELS) + TINY_VARIANTS.get(name, []) + own


@pytest.mark.parametrize("name", registry.names("method"))
def test_every_method_takes_its_tiny_settings(name: str) -> None:
    try:
        job_configs([f"method={name}", *TINY_SCENE, *tiny_settings(name)])
    except ConfigError as error:
        pytest.fail(f"add settings for {name} to TINY, and the method is tested: {error}")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if "/" in name else []) for name in registry.names("method")],
)
def test_fit_compress_decode_in_a_fresh_process(name: str, tmp_path: Path) -> None:
    words = [f"method={name}", *capture_words(name), f"dataset.cache={tmp_path / 'views'}", *tiny_settings(name)]
    (config,) = job_configs(words)
    method, scene = build(config.method_settings), build(config.dataset_settings)
    torch.manual_seed(0)
    model = method.fit(scene)
    torch.save(model, tmp_path / "model.pt")  # as the cache of fits does
    model = torch.load(tmp_path / "model.pt", weights_only=False)
    torch.manual_seed(0)
    data = method.compress(model, scene)
    stream = unpack(data)
    assert stream.method == name.split("/")[0]
    write_atomically(tmp_path / "stream.nrz", data)
    write_cameras(tmp_path / "cameras.npz", measured_cameras(scene, 0))
    command = [sys.executable, "-m", "nerfzip.benchmark.decode_worker", "stream.nrz", "cameras.npz", ".", "cpu"]
    # The worker starts elsewhere, so that nothing but these two files can be found; the code need not be installed.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, (tmp_path / "decode.json").read_text() + process.stderr
    result = json.loads((tmp_path / "decode.json").read_text())

    # The worker compared the digest with what it decoded; here it is compared with what this process decodes.
    here = method.decompress(data)
    assert result["digest"] == stream.digest.hex() == tensor_digest(here.coded_tensors()).hex()
    for view in measured_views(scene, 0):
        frame = frames_of(scene)[view.frame]
        found = read_png(tmp_path / "images" / view.file).float() / 255
        truth = frame.test.image(view.index, frame.background).float() / 255
        assert found.shape == truth.shape
        assert math.isfinite(psnr(found, truth))
        shown = here.frame(view.frame) if isinstance(here, VolumetricField) else here
        shown_here = shown.render(frame.test.cameras.image_rays(view.index)).rgb.reshape(truth.shape)
        assert float((found - shown_here).abs().max()) < 1 / 255
    # And a field can be rendered elsewhere: nothing that it needs stays behind.
    rays = frame.test.cameras.image_rays(view.index)[:: len(truth) + 3]
    expected = shown.render(rays)
    with simulated_device():
        moved = placed(shown, DEVICE).render(rays.to(DEVICE))
        assert moved.rgb.device.type == DEVICE
        for values, on_cpu in ((moved.rgb, expected.rgb), (moved.opacity, expected.opacity)):
            torch.testing.assert_close(values.cpu(), on_cpu, atol=1e-3, rtol=0)


RATES = [(method, rate) for method in registry.names("method") for rate in registry.rate_names(method)]


@pytest.mark.parametrize(("name", "rate"), RATES)
def test_every_rate_composes_and_makes_a_method(name: str, rate: str) -> None:
    (config,) = job_configs([f"method={name}", f"rate={rate}", *TINY_SCENE])
    assert config.rate == rate
    method = build(config.method_settings)
    assert all(callable(getattr(method, step)) for step in ("fit", "compress", "decompress"))


@pytest.mark.parametrize("name", registry.names("method"))
def test_rates_of_a_ladder_differ_and_share_their_fit(name: str) -> None:
    configs = job_configs([f"method={name}", "rate=all", *TINY_SCENE])
    settings = [json.dumps(config.method_settings, sort_keys=True) for config in configs]
    assert len(set(settings)) == len(settings)
    assert all(config.fit_settings == configs[0].fit_settings for config in configs)
    assert registry.default_rate(name) in [config.rate for config in configs]


def takes_voxels(name: str) -> bool:
    """Whether it is a method on top of a voxel field."""
    (config,) = job_configs([f"method={name}", *capture_words(name)])
    return capture_words(name) is TINY_SCENE and "base" in config.method_settings


ON_VOXELS = [name for name in registry.names("method") if takes_voxels(name)]


@pytest.mark.parametrize("base", registry.names("method/base"))
@pytest.mark.parametrize("name", ON_VOXELS)
def test_every_base_goes_with_every_method(name: str, base: str) -> None:
    assert callable(build_base([f"method={name}", f"method/base={base}", "device=cpu"]).fit)


@pytest.mark.parametrize(("name", "rate"), RATES)
def test_every_rate_is_documented(name: str, rate: str) -> None:
    text = (ROOT / "methods" / name.split("/")[0] / "README.md").read_text()
    mentioned = re.search(rf"`(rate=)?{rate}`|\| *{rate} *\|", text)
    assert mentioned, f"methods/{name}/README.md does not mention the rate `{rate}`"
