"""`nerfzip train`: the model that a method trains once, on many scenes."""

import contextlib
import os
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload

from omegaconf import OmegaConf

from nerfzip.benchmark.locks import exclusive
from nerfzip.benchmark.point_files import CONFIG, LOCK
from nerfzip.config import TrainingConfig, build, training_config
from nerfzip.data.scene import Scene
from nerfzip.devices import check_present
from nerfzip.errors import ConfigError
from nerfzip.files import check_writable, write_atomically
from nerfzip.kernels.backend import kernels_by
from nerfzip.on_device import working_on


@dataclass(frozen=True)
class Scenes(Sequence[Scene]):
    """Scenes of one data set, each loaded when it is asked for.

    Attributes:
        settings: of the data set.
        names: of the scenes, or their numbers.
    """

    settings: dict[str, Any]
    names: Sequence[str | int]

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Scene: ...
    @overload
    def __getitem__(self, index: slice) -> "Scenes": ...
    def __getitem__(self, index: int | slice) -> "Scene | Scenes":
        if isinstance(index, slice):
            return Scenes(self.settings, self.names[index])
        with working_on("cpu"):  # Where loaders work, whatever the training does.
            return build(self.settings | {"scene": self.names[index]})


def main(arguments: Namespace) -> int:
    config = training_config(arguments.overrides)
    check_present(config.device, config.kernels)
    method = build(config.method_settings)
    if not hasattr(method, "train"):
        raise ConfigError(f"method {config.method} has nothing to train beforehand; use nerfzip run or sweep")
    check_writable(config.out / "any")
    # Of the processes that torchrun starts, the first alone writes.
    first = os.environ.get("RANK", "0") == "0"
    waiting_for = f"it trains in {config.out}"
    with exclusive(config.out / LOCK, waiting_for) if first else contextlib.nullcontext():
        settings = OmegaConf.to_yaml(_settings(config)).encode()
        if first and not (config.out / CONFIG).exists():
            write_atomically(config.out / CONFIG, settings)
        with kernels_by(config.kernels):
            method.train(_scenes(config, "train"), _scenes(config, "val"), config.out, config.seed, config.device)
        if first:  # Of a training that was refused, what stands there is still right.
            write_atomically(config.out / CONFIG, settings)
    return 0


def _settings(config: TrainingConfig) -> dict[str, Any]:
    """All that a training depends on besides the captures, for a file."""
    names = {key: [str(name) for name in getattr(config, key)] for key in ("scenes", "validation")}
    return {**asdict(config), **names, "out": str(config.out)}


def _scenes(config: TrainingConfig, split: str) -> Scenes:
    names = config.scenes if split == "train" else config.validation
    of_objects = {"split": split} if "split" in config.dataset_settings else {}
    return Scenes(config.dataset_settings | of_objects, names)
