"""Base training: it learns, goes on where it stopped, and shares its work among processes."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from simulated_device import DEVICE, simulated_device
from tiny_codec import SIZES, TRAINING, tiny_codec, tiny_object

from methods.codecnerf.base_model import read_base_model
from methods.codecnerf.base_training import BaseTraining, Schedule, train_base_model
from methods.codecnerf.checkpoint import Checkpoint, save_checkpoint
from methods.codecnerf.codec import Codec
from methods.codecnerf.examples import Sample, draw_example, source_views
from methods.codecnerf.objective import Weights, forward
from methods.codecnerf.optimisers import OPTIMISERS
from methods.codecnerf.validation import bare_quality, code_counts
from nerfzip.data.scene import Scene
from nerfzip.errors import CaptureError, ConfigError, TrainingError
from nerfzip.rendering.images import render_image


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    folder = tmp_path_factory.mktemp("views")
    return [tiny_object(number, folder) for number in range(3)]


def trained(schedule: Schedule, objects: list[Scene], folder: Path) -> Codec:
    folder.mkdir(exist_ok=True)
    codec = tiny_codec()
    BaseTraining(codec, schedule, objects, objects[:1], folder, seed=3).run()
    return codec


def test_it_learns_an_object(objects: list[Scene], tmp_path: Path) -> None:
    before = bare_quality(tiny_codec(), objects[:1]).validation_psnr
    sample = Sample(source_views=6, target_views=4, rays=256)
    schedule = replace(TRAINING, steps=60, rest=1e-2, decay=20, quantize_from=10, sample=sample, objects=1)
    codec = trained(schedule, objects[:1], tmp_path / "run")
    assert bare_quality(codec, objects[:1]).validation_psnr > before + 3


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_an_interrupted_training_ends_like_one_that_was_not(
    optimiser: str, objects: list[Scene], tmp_path: Path
) -> None:
    schedule = replace(TRAINING, optimiser=optimiser)
    whole = trained(schedule, objects, tmp_path / "whole")
    folder = tmp_path / "parts"
    folder.mkdir()
    part = BaseTraining(tiny_codec(), schedule, objects, [], folder, seed=3)
    step = part._step

    def interrupted(number: int, examples: list) -> float:
        if number == 5:
            raise KeyboardInterrupt
        return step(number, examples)

    part._step = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        part.run()
    resumed = trained(schedule, objects, folder)
    for (name, expected), found in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(expected, found), name


def test_two_processes_train_one_model(tmp_path: Path) -> None:
    """As torchrun starts them. They see other objects, and have the same weights at the end."""
    script = tmp_path / "worker.py"
    script.write_text(
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from tiny_codec import SIZES, TRAINING, tiny_object\n"
        "from methods.codecnerf import base_training\n"
        "from methods.codecnerf.processes import process_index\n"
        "folder = Path(sys.argv[1])\n"
        "torch.set_num_threads(1)\n"
        "run = base_training.BaseTraining.run\n"
        "def kept(self):\n"
        "    run(self)\n"
        "    torch.save(self.codec.state_dict(), folder / f'{process_index()}.pt')\n"
        "base_training.BaseTraining.run = kept\n"
        "objects = [tiny_object(number, folder / 'views') for number in range(3)]\n"
        "base_training.train_base_model(SIZES, TRAINING, objects, objects[:1], folder, 0)\n"
    )
    root = Path(__file__).parents[3]
    path = os.pathsep.join([str(root), str(root / "tests" / "methods")])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(
        [*command, str(tmp_path)], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    alone = tmp_path / "alone"
    alone.mkdir()
    objects = [tiny_object(number, tmp_path / "views") for number in range(3)]
    train_base_model(SIZES, TRAINING, objects, [], alone, 0)
    lone = read_base_model(alone / "base.safetensors").codec.state_dict()
    assert not torch.equal(lone["quantizer.codebook"], first["quantizer.codebook"])


def test_the_gradient_of_a_step_is_the_mean_over_objects(objects: list[Scene]) -> None:
    codec, weights = tiny_codec(), Weights(0.25, 1e-3)
    examples = [draw_example(scene, TRAINING.sample, np.random.default_rng(5)) for scene in objects[:2]]

    def loss(members: list) -> float:
        torch.manual_seed(0)
        return float(forward(codec, members, weights, True, "float32").loss.detach())

    torch.manual_seed(0)
    both = float(forward(codec, examples, weights, True, "float32").loss.detach())
    assert both == pytest.approx((loss(examples[:1]) + loss(examples[1:])) / 2, rel=0.02)


def test_mixed_precision_computes_nearly_the_same(objects: list[Scene]) -> None:
    codec, weights = tiny_codec(), Weights(0.25, 1e-3)
    examples = [draw_example(objects[0], TRAINING.sample, np.random.default_rng(5))]
    losses = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        losses.append(float(forward(codec, examples, weights, False, precision).loss.detach()))
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_source_and_target_views_are_different_views(objects: list[Scene]) -> None:
    example = draw_example(objects[0], Sample(source_views=30, target_views=10, rays=4000), np.random.default_rng(0))
    origins = {tuple(row) for row in example.rays.origins.tolist()}
    sources = {tuple(row) for row in example.source.cameras.camera_to_world[:, :3, 3].tolist()}
    assert len(origins) == 10 and len(sources) == 30 and not origins & sources
    with pytest.raises(CaptureError, match="40 views, base training wants 41"):
        draw_example(objects[0], Sample(source_views=31, target_views=10, rays=1), np.random.default_rng(0))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_rays_shows_the_object(share: float, objects: list[Scene]) -> None:
    scene, count = objects[0], 4000
    sample = Sample(source_views=4, target_views=36, rays=count, foreground=share)
    example = draw_example(scene, sample, np.random.default_rng(0))
    # No part of the object is as white as what is behind it.
    shows = float((example.colours < 0.999).any(dim=1).float().mean())
    views = [(scene.train, index) for index in range(24)] + [(scene.test, index) for index in range(16)]
    covered = float(torch.stack([split.rgba(index)[..., 3] > 0 for split, index in views]).float().mean())
    assert abs(shows - (share + (1 - share) * covered)) < 0.06


def test_a_patch_is_a_piece_of_an_image(objects: list[Scene]) -> None:
    sample = Sample(source_views=2, target_views=3, rays=10, patch=5)
    example = draw_example(objects[0], sample, np.random.default_rng(0))
    assert len(example.rays) == len(example.colours) == 10 + 25
    views = [(views, index) for views in (objects[0].train, objects[0].test) for index in range(len(views))]
    origin = example.rays.origins[-1]
    views, index = next(pair for pair in views if pair[0].cameras.camera_to_world[pair[1], :3, 3].equal(origin))
    image = views.image(index, objects[0].background) / 255
    pieces = image.unfold(0, 5, 1).unfold(1, 5, 1).permute(0, 1, 3, 4, 2)
    patch = example.colours[-25:].view(5, 5, 3)
    assert bool((pieces == patch).all(dim=(2, 3, 4)).any())
    with pytest.raises(CaptureError, match="views of 16×16 pixels, base training wants 17 at least"):
        draw_example(objects[0], replace(sample, patch=17), np.random.default_rng(0))


def test_what_is_written(objects: list[Scene], tmp_path: Path) -> None:
    train_base_model(SIZES, TRAINING, objects, objects[:1], tmp_path, 0)
    model = read_base_model(tmp_path / "base.safetensors")
    assert model.codec.sizes == SIZES
    assert model.counts.sum() == SIZES.codes + 2 * 3 * SIZES.lattice**2
    assert np.array_equal(model.counts, code_counts(model.codec, objects[:2]))
    assert model.digest in (tmp_path / "base.md").read_text()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6] and lines[1]["validation_psnr"] > 0


def test_as_many_processes_go_on_as_began(objects: list[Scene], tmp_path: Path) -> None:
    save_checkpoint(tmp_path, Checkpoint(2, 3, 3, 3, "cpu", tiny_codec().state_dict(), []))
    with pytest.raises(ConfigError, match="3 processes began this training, 1 would go on"):
        trained(TRAINING, objects, tmp_path)
    save_checkpoint(tmp_path, Checkpoint(2, 1, 3, 3, "cpu", tiny_codec().state_dict(), []))
    with pytest.raises(ConfigError, match=r"another training\.optimiser began this training"):
        trained(TRAINING, objects, tmp_path)


def test_checkpoints_of_other_sizes_and_damaged_ones_are_refused(objects: list[Scene], tmp_path: Path) -> None:
    trained(replace(TRAINING, steps=2), objects, tmp_path)
    with pytest.raises(ConfigError, match=r"checkpoint.pt: a codec of other sizes"):
        BaseTraining(tiny_codec(codes=16), TRAINING, objects, [], tmp_path, 0).run()
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match=r"checkpoint.pt: no checkpoint of base training"):
        trained(TRAINING, objects, tmp_path)


def test_it_runs_on_another_device(objects: list[Scene], tmp_path: Path) -> None:
    """Validation, counts and all; the base model is written from there."""
    with simulated_device():
        train_base_model(SIZES, TRAINING, objects, objects[:1], tmp_path, 0, DEVICE)
    codec = read_base_model(tmp_path / "base.safetensors").codec
    assert all(bool(torch.isfinite(values).all()) for values in codec.state_dict().values())


def test_a_schedule_rises_stays_and_falls() -> None:
    schedule = replace(TRAINING, steps=100, warm_up=10, decay=20)
    assert [schedule.factor(step) for step in (0, 9, 50, 80, 90)] == pytest.approx([0.1, 1.0, 1.0, 1.0, 0.5])
    with pytest.raises(ConfigError, match=r"training.precision: 'float16', expected float32 or bfloat16"):
        replace(TRAINING, precision="float16")


@pytest.mark.parametrize(
    ("step", "seed", "count", "device", "message"),
    [
        (2, 4, 3, "cpu", "the seed 4 began this training, 3 would go on"),
        (2, 3, 2, "cpu", "objects to train on: 2 began this training, 3 would go on"),
        (99, 3, 3, "cpu", r"99 steps are done, method.training.steps=\d+ is less"),
        (2, 3, 3, "cuda", "the device cuda began this training, cpu would go on"),
    ],
)
def test_another_training_does_not_go_on(
    step: int, seed: int, count: int, device: str, message: str, objects: list[Scene], tmp_path: Path
) -> None:
    save_checkpoint(tmp_path, Checkpoint(step, 1, seed, count, device, tiny_codec().state_dict(), []))
    with pytest.raises(ConfigError, match=message):
        trained(TRAINING, objects, tmp_path)


@pytest.mark.slow
def test_codes_carry_the_objects(objects: list[Scene], tmp_path: Path) -> None:
    """Of two objects that it learnt each is worse with the other's codes."""
    sample = Sample(source_views=6, target_views=4, rays=256, foreground=0.5)
    schedule = replace(TRAINING, steps=150, rest=1e-2, decay=50, quantize_from=20, sample=sample, objects=2)
    codec = trained(schedule, objects[:2], tmp_path / "run")
    codes = [codec.encode(source_views(scene, scene.train, list(range(6)))) for scene in objects[:2]]

    def error(scene: Scene, indices: torch.Tensor) -> float:
        field = codec.field(codec.decode(indices), scene.box, scene.background, scene.near)
        image = render_image(field, scene.train.cameras, 0)
        return float((image - scene.train.image(0, scene.background) / 255).square().mean())

    for own, other in ((0, 1), (1, 0)):
        assert error(objects[own], codes[own]) < 0.8 * error(objects[own], codes[other])
