"""The file of a base model: what sender and receiver share (safetensors, with the sizes of its networks)."""

import functools
import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import safetensors
import torch
from jaxtyping import Int
from safetensors.torch import load, save
from torch import Tensor

from methods.codecnerf.codec import Codec, CodecSizes, Receiver
from methods.codecnerf.triplane_decoder import TriplaneDecoderSizes
from methods.codecnerf.view_encoder import ViewEncoderSizes
from nerfzip.entropy.neighbouring_codes import NeighbouringCodes
from nerfzip.errors import BitstreamError, ConfigError, NerfzipError
from nerfzip.fields.triplane_field import NetworkSizes, Sampling
from nerfzip.files import user_cache, write_atomically
from nerfzip.on_device import working_on

logger = logging.getLogger("nerfzip")
SIZES, COUNTS = "sizes", "code_counts"
DIGEST_BYTES = 16
MODELS_VARIABLE = "NERFZIP_MODELS"
UNSTORED = {"quantizer.counts", "quantizer.sums"}
"""What only training needs."""
SHIPPED = Path(__file__).parent / "small.safetensors"
ENCODER = "encoder."
"""What the names of the encoder's weights begin with."""

Part = TypeVar("Part", bound=Receiver)


@dataclass(frozen=True)
class BaseModel(Generic[Part]):
    """
    Attributes:
        codec: all of it, or what a receiver needs.
        counts: how often each code occurs, at least 1: the prior of the codes' indices.
        digest: of the file, which bitstreams name.
    """

    codec: Part
    counts: Int[np.ndarray, "codes"]
    digest: str

    @functools.cached_property
    def codes(self) -> NeighbouringCodes:
        """What the coding of indices knows of the codes."""
        return NeighbouringCodes(self.codec.quantizer.codebook.cpu().numpy(), self.counts)


def write_base_model(path: Path, codec: Codec, counts: Int[np.ndarray, "codes"]) -> str:
    """Weights as float32; the digest is returned."""
    tensors: dict[str, Tensor] = {name: values.cpu().contiguous() for name, values in _stored(codec).items()}
    tensors[COUNTS] = torch.from_numpy(counts.astype(np.int32))
    data = save(tensors, {SIZES: json.dumps(asdict(codec.sizes))})
    write_atomically(path, data)
    return _digest(data)


def models_folder() -> Path:
    """Where base models are kept by their digests, for decoding: $NERFZIP_MODELS, or a folder in the user's cache."""
    own = os.environ.get(MODELS_VARIABLE)
    return Path(own) if own else user_cache("models")


def read_base_model(path: Path | None, part: type[Part] = Codec) -> BaseModel[Part]:  # type: ignore[assignment]
    """
    Args:
        path: None is the model that ships. Another is copied to the folder of models, where decoding finds it.
        part: `Receiver` leaves out the encoder, whose library takes seconds to import.

    Raises:
        ConfigError: there is no such file, or it is no base model.
    """
    model = _read(path or SHIPPED, part)
    kept = models_folder() / f"{model.digest}.safetensors"
    if path is not None and not kept.exists():
        try:
            write_atomically(kept, path.read_bytes())
        except NerfzipError as error:
            logger.warning("%s; decoding will need method.base_model=%s", error, path)
    return model


def base_model_of(digest: Any, preferred: Path | None) -> BaseModel[Receiver]:
    """The base model that a file was made with.

    Args:
        preferred: where to look besides.

    Raises:
        BitstreamError: it is in none of the places where it could be.
    """
    places = [path for path in (preferred, SHIPPED) if path is not None]
    if isinstance(digest, str) and len(digest) == 2 * DIGEST_BYTES and digest.isalnum():
        places.append(models_folder() / f"{digest}.safetensors")
    for path in places:
        if path.is_file():
            model = _read(path, Receiver)
            if model.digest == digest:
                return model
    raise BitstreamError(
        f"header.base: the file needs the base model {digest!r}; looked for it at {', '.join(map(str, places))};"
        f" put it into the folder of {MODELS_VARIABLE} as <digest>.safetensors"
    )


# A model is read for each file that is decoded; its time of change tells whether it is still the same.
@functools.lru_cache(maxsize=4)
def _cached(path: Path, changed: int, part: type[Receiver]) -> BaseModel[Any]:
    return _parsed(path, path.read_bytes(), part)


def _read(path: Path, part: type[Part]) -> BaseModel[Part]:
    try:
        return _cached(path, path.stat().st_mtime_ns, part)  # type: ignore[arg-type]
    except OSError as error:
        raise ConfigError(
            f"{path}: the base model can't be read: {error.strerror}; train one with `nerfzip train method=codecnerf`,"
            " or name another with method.base_model=FILE"
        ) from error


def _parsed(path: Path, data: bytes, part: type[Part]) -> BaseModel[Part]:
    try:
        sizes = _sizes(json.loads(_metadata(data)[SIZES]))
        tensors = load(data)
        counts = tensors.pop(COUNTS).numpy()
        # Its first weights are random; what draws after us must not depend on whether the model had been read.
        with torch.random.fork_rng(devices=[]), working_on("cpu"):
            codec = part(sizes, decay=1.0)
        if part is Receiver:
            tensors = {name: values for name, values in tensors.items() if not name.startswith(ENCODER)}
        missing, unexpected = codec.load_state_dict(tensors, strict=False)
        if unexpected or set(missing) - UNSTORED:
            raise ValueError(f"tensors that do not fit its sizes: {[*missing, *unexpected][:3]}")
        if len(counts) != sizes.codes or counts.min() < 1:
            raise ValueError(f"{COUNTS} must hold {sizes.codes} numbers of at least 1")
    except (ConfigError, KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise ConfigError(f"{path}: not a base model of CodecNeRF: {error}") from error
    return BaseModel(codec.requires_grad_(False).eval(), counts.astype(np.int64), _digest(data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[: 2 * DIGEST_BYTES]


def _stored(codec: Codec) -> dict[str, Tensor]:
    return {name: values for name, values in codec.state_dict().items() if name not in UNSTORED}


def _metadata(data: bytes) -> dict[str, str]:
    """Of a safetensors file: eight bytes of length, then JSON."""
    length = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    return header["__metadata__"]


def _sizes(values: dict[str, Any]) -> CodecSizes:
    inner = {"views": ViewEncoderSizes, "planes": TriplaneDecoderSizes, "networks": NetworkSizes, "sampling": Sampling}
    return CodecSizes(**{name: inner[name](**value) if name in inner else value for name, value in values.items()})
