"""MLP maps: from a volumetric video to a file, and back (Peng et al. 2023; sheet mlp_maps.md)."""

import io
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from methods.mlp_maps.base import FittedMaps, MapsVideo
from methods.mlp_maps.factorise import with_colour_rank, with_short_latents
from methods.mlp_maps.header import Description, describe, parse
from methods.mlp_maps.model import MapsModel
from methods.mlp_maps.packing import (
    DECODER,
    LATENT_STEP,
    TABLES,
    Coder,
    FrameFormat,
    SharedSections,
    stored_frames,
    surrounding,
)
from methods.mlp_maps.parts import LATENTS
from methods.mlp_maps.quantized import CodedParts, Fineness, QuantizedModel
from methods.mlp_maps.training import Rate, Schedule, train
from nerfzip.bitstream import (
    BitstreamReader,
    BitstreamWriter,
    GroupsOfFrames,
    TensorDigest,
    VolumetricVideo,
    add_tensors,
    frame_section,
)
from nerfzip.data.scene import VolumetricScene
from nerfzip.errors import BitstreamError, ConfigError, require_setting
from nerfzip.geometry import Box
from nerfzip.method import VolumetricField
from nerfzip.on_device import on_device, working_on
from nerfzip.quantization.steps import LARGEST_CODE, SMALLEST_CODE
from nerfzip.sampling.occupancy import dilated_maximum

METHOD = "mlp_maps"


class MLPMaps:
    """One model for all frames, and for each frame a box, an occupancy volume and a latent code.

    Args:
        base: trains the model without quantization.
        coder: "context", or "paper": float32 as published, of the model as it is.
        colour_rank: networks that all colour maps are sums of; 0 leaves them as they are.
        fineness: of the quantization.
        finetuning: of the training together with the coding.
        rate: what bits cost in it.
        group: frames in a GOF, of which the first is the context of the others.
    """

    volumetric = True

    def __init__(
        self,
        base: MapsVideo,
        coder: str,
        colour_rank: int,
        fineness: Fineness,
        finetuning: Schedule,
        rate: Rate,
        group: int,
    ) -> None:
        if coder not in list(Coder):
            raise ConfigError(f"method.coder: {coder!r}, expected {' or '.join(Coder)}")
        require_setting(colour_rank >= 0, "method.colour_rank", colour_rank, "at least 0")
        require_setting(group >= 1, "method.group", group, "at least 1")
        self.base = base
        self.coder = Coder(coder)
        self.colour_rank = colour_rank
        self.fineness = fineness
        self.finetuning = finetuning
        self.rate = rate
        self.group = group

    def fit(self, video: VolumetricScene) -> FittedMaps:
        return self.base.fit(video)

    def uncompressed_bytes(self, model: FittedMaps) -> int:
        """Size of all parameters as float32, and of the occupancy volumes as bytes."""
        return 4 * sum(values.numel() for values in model.state.values()) + sum(mask.numel() for mask in model.masks)

    def compress(self, model: FittedMaps, video: VolumetricScene) -> bytes:
        file = io.BytesIO()
        self.write(model, video, file)
        return file.getvalue()

    def write(self, fitted: FittedMaps, video: VolumetricScene, file: Any) -> None:
        """`compress` into a binary file, section by section."""
        model, coded, masks = fitted.model(), None, fitted.masks
        if self.coder is not Coder.PAPER:
            model = with_short_latents(with_colour_rank(model, self.colour_rank) if self.colour_rank else model)
            coded, masks = self._finetuned(model, fitted, video)
        with working_on("cpu"):
            self._pack(*on_device((model, coded, masks), "cpu"), fitted.boxes, file)

    def _pack(
        self,
        model: MapsModel,
        coded: CodedParts | None,
        masks: list[Bool[Tensor, "x y z"]],
        boxes: Sequence[Box],
        file: Any,
    ) -> None:
        shared, latent_step = SharedSections(model.layout), None
        if coded is None:
            sections = {name: shared.encode_as_published(name, model) for name in (TABLES, DECODER)}
            tensors = {name: values.detach() for name, values in model.named_parameters() if name != LATENTS}
            latents: Tensor = model.latents
        else:
            sections = {name: shared.encode(name, coded) for name in (TABLES, DECODER)}
            tensors, latent_step = shared.tensors(coded), int(coded.steps[LATENTS])
            latents = coded.symbols[LATENTS].flatten(1)
        frames = stored_frames(boxes, masks, latents)
        description = Description(
            model.layout, self.base.occupancy_resolution, surrounding([frame.box for frame in frames])
        )
        # As published no frame depends on another.
        group = 1 if self.coder is Coder.PAPER else min(self.group, len(frames))
        groups = GroupsOfFrames(len(frames), group)
        header: dict[str, Any] = {"video": groups.to_header(), "coder": str(self.coder), "field": describe(description)}
        if latent_step is not None:
            header[LATENT_STEP] = latent_step
        writer, digest = BitstreamWriter(file, METHOD, header), TensorDigest()
        for name, data in sections.items():
            writer.write(name, data)
        format_ = FrameFormat(model, description.occupancy, latent_step)
        for index, frame in enumerate(frames):
            key = groups.key(index)
            writer.write(frame_section(index), format_.encode(frame, None if key == index else frames[key]))
            add_tensors(digest, index, format_.coded_tensors(frame))
        add_tensors(digest, None, tensors)
        writer.close(digest.digest())

    def decompress(self, data: bytes) -> VolumetricField:
        return self.open(BitstreamReader(io.BytesIO(data)))

    def open(self, reader: BitstreamReader) -> VolumetricField:
        """The video in a file, of which a frame reads the shared sections once, then its own and its key frame's."""
        header = reader.header
        groups = GroupsOfFrames.from_header(header)
        if groups.prediction != "key":
            raise BitstreamError(f"header.video.prediction: {groups.prediction!r}, expected 'key'")
        coder, step = header.get("coder"), header.get(LATENT_STEP)
        if coder not in list(Coder):
            raise BitstreamError(f"header.coder: {coder!r}, expected {' or '.join(Coder)}")
        if coder == Coder.CONTEXT and not (type(step) is int and SMALLEST_CODE <= step <= LARGEST_CODE):
            expected = f"an integer from {SMALLEST_CODE} to {LARGEST_CODE}"
            raise BitstreamError(f"header.{LATENT_STEP}: {step!r}, expected {expected}")
        description = parse(header.get("field"), groups.frames)
        shared, sections = SharedSections(description.layout), {name: reader.read(name) for name in (TABLES, DECODER)}
        published = coder == Coder.PAPER
        model, tensors = shared.decode_as_published(sections) if published else shared.decode(sections)
        codec = FrameFormat(model, description.occupancy, None if published else step)
        return VolumetricVideo(reader, groups, codec, tensors, description.box)

    def _finetuned(
        self, model: MapsModel, fitted: FittedMaps, video: VolumetricScene
    ) -> tuple[CodedParts, list[Bool[Tensor, "x y z"]]]:
        """What is coded of the model, which is changed to what will be decoded, and what is occupied then."""
        quantized = QuantizedModel(model, self.fineness)
        around = [dilated_maximum(mask.to(torch.uint8)) > 0 for mask in fitted.masks]
        frames = self.base.frames(video, fitted.boxes, around)
        occupancies = train(model, frames, self.finetuning, "compress", coding=(quantized, self.rate))
        coded = quantized.coded()
        model.load_state_dict(coded.values(quantized.parts, quantized.shapes))
        return coded, self.base.masks(model, fitted.boxes, occupancies)
