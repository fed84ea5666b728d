"""Training of the base model, once, on many objects (CodecNeRF, section 3.5; sheet codecnerf.md, §5)."""

import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from methods.codecnerf.base_model import write_base_model
from methods.codecnerf.card import write_card
from methods.codecnerf.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from methods.codecnerf.codec import Codec, CodecSizes
from methods.codecnerf.examples import Example, Sample, draw_example
from methods.codecnerf.objective import Weights, forward
from methods.codecnerf.optimisers import OPTIMISERS, optimisers_of
from methods.codecnerf.processes import average, joined, process_count, process_index
from methods.codecnerf.validation import bare_quality, code_counts
from methods.codecnerf.view_encoder import load_transformer
from nerfzip.data.scene import Scene
from nerfzip.errors import ConfigError, TrainingError, require_setting
from nerfzip.on_device import on_device, working_on
from nerfzip.progress import track

logger = logging.getLogger("nerfzip")
AHEAD = 2
"""Steps whose views are read while others are computed."""
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Schedule:
    """Of base training.

    Attributes:
        transformer: a file of weights that the view encoder's transformer starts from, see `load_transformer`; None: at
            random.
        steps: how long.
        objects: in a step, of each process.
        sample: what a step sees of an object.
        optimiser: see `optimisers_of`.
        views, rest: learning rates of the transformer and of all else.
        warm_up: steps in which they rise to this; then they stay.
        decay: last steps, in which they fall to zero. Before these begin, a training can be made longer.
        weight_decay: in learning rates.
        longest_gradient: a longer one is shortened to this.
        quantize_from: the step from which the decoder sees codes.
        codebook_decay: of the codes' running means.
        weights: of the losses.
        precision: "float32", or "bfloat16" for PyTorch's mixed precision.
        save_every, validate_every: steps.
        counted_objects: so many, at the end, tell how common each code is.
    """

    transformer: str | None
    steps: int
    objects: int
    sample: Sample
    optimiser: str
    views: float
    rest: float
    warm_up: int
    decay: int
    weight_decay: float
    longest_gradient: float
    quantize_from: int
    codebook_decay: float
    weights: Weights
    precision: str
    save_every: int
    validate_every: int
    counted_objects: int

    def __post_init__(self) -> None:
        for name in ("steps", "objects", "save_every", "validate_every", "counted_objects"):
            require_setting(getattr(self, name) >= 1, f"training.{name}", getattr(self, name), "at least 1")
        for name in ("views", "rest", "warm_up", "decay", "weight_decay", "quantize_from"):
            require_setting(getattr(self, name) >= 0, f"training.{name}", getattr(self, name), "at least 0")
        decay = self.codebook_decay
        require_setting(0 <= decay < 1, "training.codebook_decay", decay, "from 0, and less than 1")
        require_setting(self.optimiser in OPTIMISERS, "training.optimiser", self.optimiser, " or ".join(OPTIMISERS))
        require_setting(self.precision in PRECISIONS, "training.precision", self.precision, " or ".join(PRECISIONS))

    def factor(self, step: int) -> float:
        """On the learning rates."""
        rise = (step + 1) / max(1, self.warm_up)
        fall = (self.steps - step) / max(1, self.decay)
        return min(1.0, rise, fall)


class BaseTraining:
    """Goes on from the checkpoint in `folder`, if there is one, to the same result as without the interruption.

    Everything that is drawn depends on the seed, the step and the process alone.

    Args:
        objects: to train on.
        validation: others, to measure with.
    """

    def __init__(
        self,
        codec: Codec,
        schedule: Schedule,
        objects: Sequence[Scene],
        validation: Sequence[Scene],
        folder: Path,
        seed: int,
    ) -> None:
        self.codec = codec
        self.schedule = schedule
        self.objects = objects
        self.validation = validation
        self.folder = folder
        self.seed = seed
        self.optimisers = optimisers_of(codec, schedule.optimiser, schedule.weight_decay)

    def run(self) -> None:
        """Train to the end, saving now and then, and at the end."""
        start = self._go_on()
        steps = range(start, self.schedule.steps)
        errors: list[float] = []
        for step, examples in track(zip(steps, self._read_ahead(steps), strict=True), "base training", len(steps)):
            errors.append(self._step(step, examples))
            done = step + 1
            if done % self.schedule.validate_every == 0 or done == self.schedule.steps:
                self._log(done, float(np.mean(errors)))
                errors.clear()
            if done % self.schedule.save_every == 0 or done == self.schedule.steps:
                self._save(done)

    def _step(self, step: int, examples: list[Example]) -> float:
        schedule = self.schedule
        torch.manual_seed(int(self._draws(step, 0).integers(2**63)))
        quantize = step >= schedule.quantize_from
        here = on_device(examples, self.codec.device)
        result = forward(self.codec, here, schedule.weights, quantize, schedule.precision)
        self.codec.zero_grad()
        result.loss.backward()
        parameters = [parameter for parameter in self.codec.parameters() if parameter.grad is not None]
        average([parameter.grad for parameter in parameters])
        length = torch.nn.utils.clip_grad_norm_(parameters, schedule.longest_gradient)
        if not bool(torch.isfinite(length)):
            raise TrainingError(f"base training: the gradient became {float(length)} at step {step}")
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = (schedule.views if group["views"] else schedule.rest) * schedule.factor(step)
            optimiser.step()
        self.codec.quantizer.learn(result.vectors, result.indices)
        return result.error

    def _read_ahead(self, steps: range) -> Iterator[list[Example]]:
        with ThreadPoolExecutor(max_workers=1) as reader:
            waiting = [reader.submit(self._examples, step) for step in steps[:AHEAD]]
            for step in steps:
                if step + AHEAD < steps.stop:
                    waiting.append(reader.submit(self._examples, step + AHEAD))
                yield waiting.pop(0).result()

    def _examples(self, step: int) -> list[Example]:
        examples = []
        for index in range(self.schedule.objects):
            draws = self._draws(step, 1 + index)
            scene = self.objects[int(draws.integers(len(self.objects)))]
            examples.append(draw_example(scene, self.schedule.sample, draws))
        return examples

    def _draws(self, step: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, step, process_index(), purpose])

    def _log(self, step: int, error: float) -> None:
        """A line of `log.jsonl`: the mean error of the steps since the last, and PSNR of the validation objects."""
        if process_index():
            return
        line = {"step": step, "training_psnr": -10 * float(np.log10(error))}
        if len(self.validation):
            line |= asdict(bare_quality(self.codec, self.validation))
        logger.info(
            "step %d: %s", step, ", ".join(f"{key} {value:.4g}" for key, value in line.items() if key != "step")
        )
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _save(self, step: int) -> None:
        if process_index() == 0:
            optimisers = [optimiser.state_dict() for optimiser in self.optimisers]
            state = self.codec.state_dict()
            origin = (process_count(), self.seed, len(self.objects), self.codec.device)
            checkpoint = Checkpoint(step, *origin, state, optimisers)
            save_checkpoint(self.folder, checkpoint)

    def _go_on(self) -> int:
        checkpoint = load_checkpoint(self.folder, self.codec)
        if checkpoint is None:
            return 0
        if checkpoint.processes != process_count():
            raise ConfigError(
                f"{self.folder}: {checkpoint.processes} processes began this training, {process_count()} would go on;"
                " with as many as before it ends with the same weights"
            )
        for what, before, now in (
            ("the seed", checkpoint.seed, self.seed),
            ("objects to train on:", checkpoint.objects, len(self.objects)),
            ("the device", checkpoint.device, self.codec.device),
        ):
            if before != now:
                raise ConfigError(f"{self.folder}: {what} {before} began this training, {now} would go on")
        if checkpoint.step > self.schedule.steps:
            raise ConfigError(
                f"{self.folder}: {checkpoint.step} steps are done, method.training.steps={self.schedule.steps} is less"
            )
        if len(checkpoint.optimisers) != len(self.optimisers):
            raise ConfigError(f"{self.folder}: another training.optimiser began this training")
        self.codec.load_state_dict(checkpoint.codec)
        for optimiser, state in zip(self.optimisers, checkpoint.optimisers, strict=True):
            optimiser.load_state_dict(state)
        logger.info("goes on at step %d of %d", checkpoint.step, self.schedule.steps)
        return checkpoint.step


def train_base_model(
    sizes: CodecSizes,
    schedule: Schedule,
    objects: Sequence[Scene],
    validation: Sequence[Scene],
    folder: Path,
    seed: int,
    device: str = "cpu",
) -> None:
    """Train, or go on training, and write `base.safetensors` and its card to `folder`.

    Args:
        device: "cpu" or "cuda"; the objects are on the CPU.
    """
    with joined(device), working_on(device):
        torch.manual_seed(seed)
        codec = Codec(sizes, schedule.codebook_decay)
        if schedule.transformer is not None:
            load_transformer(codec.encoder.views.transformer, Path(schedule.transformer))
        BaseTraining(codec, schedule, objects, validation, folder, seed).run()
        if process_index() == 0:
            counts = code_counts(codec, objects[: schedule.counted_objects])
            digest = write_base_model(folder / "base.safetensors", codec, counts)
            write_card(folder / "base.md", codec, schedule, len(objects), digest)
            logger.info("%s: base model %s", folder / "base.safetensors", digest)
