"""CodecNeRF: from the views of an object to a file, and back (Kang et al. 2025)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from methods.codecnerf.base_model import BaseModel, Part, base_model_of, read_base_model
from methods.codecnerf.base_training import Schedule as BaseSchedule
from methods.codecnerf.base_training import train_base_model
from methods.codecnerf.codec import Codec, CodecSizes, Receiver
from methods.codecnerf.coding import Coder, Contents, decode_contents, encode_contents
from methods.codecnerf.deltas import STARTS, DeltaSizes
from methods.codecnerf.examples import views_to_encode
from methods.codecnerf.finetuning import Prior, Rate, Schedule, finetune
from methods.codecnerf.object_deltas import ObjectDeltas
from nerfzip.bitstream import pack, tensor_digest, unpack
from nerfzip.data.scene import Scene
from nerfzip.entropy.table_coder import Probabilities
from nerfzip.errors import BitstreamError, ConfigError, require_setting
from nerfzip.fields.header_values import LARGEST_EXTENT, box, integer, number, numbers
from nerfzip.fields.triplane_field import ShadingNetwork, TriplaneField
from nerfzip.geometry import Box, Colour
from nerfzip.on_device import on_device, working_on
from nerfzip.training.ray_sampler import RaySampler

METHOD = "codecnerf"
MOST_RANKS = 64


@dataclass(frozen=True)
class Surroundings:
    """What a field needs to know of its object besides tensors."""

    box: Box
    background: Colour
    near: float

    def field(
        self, base: BaseModel[Any], scales: list[Tensor], coarse: ShadingNetwork, fine: ShadingNetwork
    ) -> TriplaneField:
        return TriplaneField(scales, coarse, fine, base.codec.sizes.sampling, self.box, self.background, self.near)


class DecodedObject:
    """A `nerfzip.method.Field`."""

    def __init__(self, field: TriplaneField, arrays: dict[str, np.ndarray]) -> None:
        self.box = field.box
        self.render = field.render
        self._arrays = arrays

    def coded_tensors(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array) for name, array in self._arrays.items()}


class CodecNeRF:
    """A base model that many objects share, and what fine-tuning adds for one.

    Args:
        base_model: its file; None is the one that ships.
        codec: sizes of a base model that is to be trained; those of a file are in the file.
        training: of a base model.
        deltas: sizes.
        start, deviation: of the planes' deltas, see `PlaneDeltas`.
        finetuning: 0 iterations leave the bare code.
        rate: of fine-tuning.
        coder: "float32" (PEFT), "paper" (PEFT++) or "context" (ours).
        network_bits: of what fine-tuning adds to the networks, with our coder.
    """

    def __init__(
        self,
        base_model: str | None,
        codec: CodecSizes,
        training: BaseSchedule,
        deltas: DeltaSizes,
        start: str,
        deviation: float,
        finetuning: Schedule,
        rate: Rate,
        coder: str,
        network_bits: int,
    ) -> None:
        if coder not in list(Coder):
            raise ConfigError(f"method.coder: {coder!r}, expected {', '.join(Coder)}")
        require_setting(start in STARTS, "method.start", start, " or ".join(STARTS))
        require_setting(deviation > 0, "method.deviation", deviation, "more than 0")
        require_setting(2 <= network_bits <= 8, "method.network_bits", network_bits, "from 2 to 8")
        self.base_model = None if base_model is None else Path(base_model)
        self.codec = codec
        self.training = training
        self.deltas = deltas
        self.start = start
        self.deviation = deviation
        self.finetuning = finetuning
        self.rate = rate
        self.coder = Coder(coder)
        self.network_bits = network_bits

    def train(self, scenes: Sequence[Scene], validation: Sequence[Scene], folder: Path, seed: int, device: str) -> None:
        """Train a base model, or go on with its training, and write it to `folder`."""
        train_base_model(self.codec, self.training, scenes, validation, folder, seed, device)

    def input_digests(self) -> dict[str, str]:
        """Of what files depend on besides scene and settings."""
        return {"base_model": self._base(Receiver).digest}

    def _base(self, part: type[Part]) -> BaseModel[Part]:
        base = read_base_model(self.base_model, part)
        if self.base_model is None and base.codec.sizes != self.codec:
            raise ConfigError(
                "method.codec: the base model that ships has other sizes; train one of these with `nerfzip train`,"
                " and name it with method.base_model=FILE"
            )
        return base

    def fit(self, scene: Scene) -> Int[Tensor, "3 rows columns"]:
        """Indices of the codes: what one pass through the encoder gives."""
        base = on_device(self._base(Codec), scene.train.cameras.device.type)
        return base.codec.encode(views_to_encode(scene, base.codec.sizes.source_views)).to(torch.int32)

    def compress(self, model: Int[Tensor, "3 rows columns"], scene: Scene) -> bytes:
        base = self._base(Receiver)
        around = Surroundings(scene.box, scene.background, scene.near)
        header = {"base": base.digest, "coder": str(self.coder), **describe(around)}
        contents, probabilities = Contents(model.cpu().numpy(), [], {}), _no_probabilities
        if self.finetuning.iterations > 0:
            header["deltas"] = asdict(self.deltas)
            contents, probabilities = self._refined(base, model, scene, around)
        with working_on("cpu"):
            sections = encode_contents(contents, self.coder, base.codes, probabilities)
            return pack(METHOD, header, sections, tensor_digest(contents.arrays()))

    def _refined(
        self, base: BaseModel[Any], indices: Tensor, scene: Scene, around: Surroundings
    ) -> tuple[Contents, Any]:
        with working_on("cpu"):  # As the receiver does: what deltas are added to is the same to the bit.
            scales = base.codec.decode(indices.cpu().long())
        base, scales = on_device((base, scales), scene.train.cameras.device.type)
        deltas = ObjectDeltas(base.codec, self.deltas, self.start, self.deviation)
        field = around.field(base, scales, *deltas.networks(base.codec))
        rate = None if self.coder is Coder.FLOAT32 else self.rate
        prior = None if rate is None else Prior(len(deltas.planes.matrices), self.deltas.planes, rate)
        sampler = RaySampler(scene.train.cameras, scene.train.images(scene.background))
        networks = [deltas.coarse, deltas.fine]
        bits, name = self.network_bits if self.coder is Coder.CONTEXT else None, f"fine-tune {scene.name}"
        finetune(field, deltas.planes, networks, prior, sampler, self.finetuning, rate, bits, name)
        matrices = [matrix.detach() for matrix in deltas.planes.matrices]
        if rate is not None:
            matrices = [matrix.round().to(torch.int32) for matrix in matrices]
        matrices, indices = on_device((matrices, indices), "cpu")
        others = deltas.others(self.coder, self.network_bits)
        contents = Contents(indices.numpy(), [matrix.numpy() for matrix in matrices], others)

        def probabilities(scale: int) -> Probabilities:
            assert prior is not None
            return lambda low, high: on_device(prior.of_scale(scale), "cpu").probabilities(low, high).numpy()

        return contents, probabilities

    def decompress(self, data: bytes) -> DecodedObject:
        stream = unpack(data)
        header = stream.header
        around = parse_surroundings(header)
        coder = header.get("coder")
        if coder not in list(Coder):
            raise BitstreamError(f"header.coder: {coder!r}, expected {', '.join(Coder)}")
        base = base_model_of(header.get("base"), self.base_model)
        sizes = _delta_sizes(header)
        codec_sizes = base.codec.sizes
        shapes, layout, deltas = [], {}, None
        if sizes is not None:
            deltas = ObjectDeltas(base.codec, sizes)
            shapes = [(3, side, side, sizes.planes) for side in codec_sizes.sides]
            layout = deltas.layout(Coder(coder))
        contents = decode_contents(stream.sections, Coder(coder), base.codes, codec_sizes.lattice, shapes, layout)
        arrays = contents.arrays()
        if tensor_digest(arrays) != stream.digest:
            raise BitstreamError("the decoded tensors do not have the digest that the file states")
        scales = base.codec.decode(torch.from_numpy(contents.indices).long())
        if deltas is None:
            field = around.field(base, scales, base.codec.coarse, base.codec.fine)
        else:
            deltas.load(contents.others, Coder(coder))
            matrices = [torch.from_numpy(matrix).float() for matrix in contents.matrices]
            with torch.no_grad():
                field = around.field(base, deltas.planes.added(scales, matrices), *deltas.networks(base.codec))
            deltas.requires_grad_(False)
        return DecodedObject(field, arrays)


def describe(around: Surroundings) -> dict[str, Any]:
    """For a header; see `parse_surroundings`."""
    corners = [*around.box.minimum, *around.box.maximum]
    return {"box": corners, "background": list(around.background), "near": around.near}


def parse_surroundings(header: dict[str, Any]) -> Surroundings:
    """
    Raises:
        BitstreamError: a value is missing or impossible.
    """
    red, green, blue = numbers(header, "background", 3, 0, 1)
    return Surroundings(box(header), (red, green, blue), number(header, "near", 0, LARGEST_EXTENT))


def _delta_sizes(header: dict[str, Any]) -> DeltaSizes | None:
    if "deltas" not in header:
        return None
    sizes = header["deltas"]
    if not isinstance(sizes, dict):
        raise BitstreamError(f"header.deltas: {sizes!r}, expected an object")
    return DeltaSizes(**{name: integer(sizes, name, 1, MOST_RANKS) for name in ("planes", "networks")})


def _no_probabilities(scale: int) -> Probabilities:
    raise AssertionError("there are no matrices")
