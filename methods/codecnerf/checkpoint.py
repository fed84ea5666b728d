"""The state of a base training on disk."""

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from methods.codecnerf.codec import Codec
from nerfzip.errors import ConfigError, TrainingError
from nerfzip.files import write_atomically

NAME = "checkpoint.pt"


@dataclass(frozen=True)
class Checkpoint:
    """
    Attributes:
        step: how many are done.
        processes: that trained together.
        seed, objects, device: of the training, how many it draws from, and where.
        codec, optimisers: states.
    """

    step: int
    processes: int
    seed: int
    objects: int
    device: str
    codec: dict[str, Any]
    optimisers: list[dict[str, Any]]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    data = io.BytesIO()
    torch.save(asdict(checkpoint), data)
    write_atomically(folder / NAME, data.getvalue())


def load_checkpoint(folder: Path, codec: Codec) -> Checkpoint | None:
    """None if there is none.

    Raises:
        TrainingError: the file is damaged.
        ConfigError: it is of a codec of other sizes.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        checkpoint = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise TrainingError(f"{path}: no checkpoint of base training: {error}") from error
    shapes = {name: values.shape for name, values in codec.state_dict().items()}
    if {name: values.shape for name, values in checkpoint.codec.items()} != shapes:
        raise ConfigError(f"{path}: a codec of other sizes; give another folder, out=FOLDER, or the sizes it had")
    return checkpoint
