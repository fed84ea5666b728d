"""A file of MLP maps: what all frames share, then for each frame a small section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from methods.mlp_maps.coding import (
    FrameSide,
    decode_floats,
    decode_frame,
    decode_frame_as_published,
    decode_parts,
    encode_floats,
    encode_frame,
    encode_frame_as_published,
    encode_parts,
)
from methods.mlp_maps.field import FrameField
from methods.mlp_maps.header import shapes_only
from methods.mlp_maps.model import Layout, MapsModel
from methods.mlp_maps.parts import LATENTS, Part, parameter_shapes, parts_of
from methods.mlp_maps.quantized import CodedParts
from nerfzip.geometry import Box
from nerfzip.quantization.steps import steps_of_codes
from nerfzip.sampling import Occupancy

TABLES, DECODER, LATENT_STEP = "tables", "decoder", "latent_step"


class Coder(StrEnum):
    CONTEXT = "context"
    """Quantized; by neighbours, or by tables of frequencies."""
    PAPER = "paper"
    """Not quantized, float32 and bytes."""


class SharedSections:
    """The sections that all frames need.

    Args:
        layout: of the model.
    """

    def __init__(self, layout: Layout) -> None:
        model = shapes_only(layout)
        self.layout = layout
        self.shapes = {name: shape for name, shape in parameter_shapes(model).items() if name != LATENTS}
        self.parts = [part for part in parts_of(model) if part.parameter != LATENTS]
        self.names = {
            TABLES: [name for name in self.shapes if name.startswith("tables")],
            DECODER: [name for name in self.shapes if not name.startswith("tables")],
        }

    def encode(self, section: str, coded: CodedParts) -> bytes:
        return encode_parts(self._parts_of(section), coded)

    def encode_as_published(self, section: str, model: MapsModel) -> bytes:
        parameters = dict(model.named_parameters())
        return encode_floats([parameters[name] for name in self.names[section]])

    def decode(self, sections: Mapping[str, bytes]) -> tuple[MapsModel, dict[str, Tensor]]:
        """The model without its latent codes, and the coded tensors.

        Raises:
            BitstreamError: a section is damaged, as far as that can be seen.
        """
        symbols: dict[str, Tensor] = {}
        steps: dict[str, Tensor] = {}
        for section, data in sections.items():
            coded = decode_parts(data, self._parts_of(section))
            symbols |= coded.symbols
            steps |= coded.steps
        coded = CodedParts(symbols, steps)
        return self._model(coded.values(self.parts, self.shapes)), self.tensors(coded)

    def decode_as_published(self, sections: Mapping[str, bytes]) -> tuple[MapsModel, dict[str, Tensor]]:
        """As `decode`."""
        values: dict[str, Tensor] = {}
        for section, data in sections.items():
            names = self.names[section]
            values |= dict(zip(names, decode_floats(data, [self.shapes[name] for name in names]), strict=True))
        return self._model(values), values

    def tensors(self, coded: CodedParts) -> dict[str, Tensor]:
        """Symbols and steps by name, for the digest."""
        tensors = {part.name: coded.symbols[part.name] for part in self.parts}
        return tensors | {f"steps.{part.name}": coded.steps[part.name] for part in self.parts}

    def _model(self, values: Mapping[str, Float[Tensor, "..."]]) -> MapsModel:
        model = shapes_only(self.layout)
        latents = torch.zeros(model.latents.shape)
        model.load_state_dict({**values, LATENTS: latents}, assign=True)
        return model.requires_grad_(False)

    def _parts_of(self, section: str) -> list[Part]:
        return [part for part in self.parts if part.is_table == (section == TABLES)]


@dataclass(frozen=True)
class FrameFormat:
    """A `nerfzip.bitstream.FrameCodec`.

    Attributes:
        latent_step: code of the step of latent codes; None where nothing is quantized.
    """

    model: MapsModel
    occupancy: tuple[int, int, int]
    latent_step: int | None

    def encode(self, frame: FrameSide, key: FrameSide | None) -> bytes:
        return encode_frame_as_published(frame) if self.latent_step is None else encode_frame(frame, key)

    def decode(self, payload: bytes, key: FrameSide | None, previous: FrameSide | None) -> FrameSide:
        latent = self.model.layout.decoder.latent
        if self.latent_step is None:
            return decode_frame_as_published(payload, self.occupancy, latent)
        return decode_frame(payload, self.occupancy, latent, key)

    def tensor_names(self, is_key: bool) -> Sequence[str]:
        return ("box", "latent", "mask")

    def coded_tensors(self, frame: FrameSide) -> Mapping[str, Tensor]:
        box = torch.tensor([*frame.box.minimum, *frame.box.maximum])
        return {"box": box, "latent": frame.latent, "mask": frame.mask.to(torch.uint8)}

    def renderable(self, frame: FrameSide, index: int) -> FrameField:
        latent = frame.latent.float()
        if self.latent_step is not None:
            latent = latent * steps_of_codes(torch.tensor([self.latent_step]))
        with torch.no_grad():
            return self.model.field(index, frame.box, Occupancy.of(frame.mask), latent)


def stored_frames(
    boxes: Sequence[Box], masks: Sequence[Bool[Tensor, "x y z"]], latents: Shaped[Tensor, "frames latent"]
) -> list[FrameSide]:
    return [FrameSide(*parts) for parts in zip(boxes, masks, latents.detach(), strict=True)]


def surrounding(boxes: Sequence[Box]) -> Box:
    low = torch.tensor([box.minimum for box in boxes]).amin(dim=0)
    return Box.from_tensors(low, torch.tensor([box.maximum for box in boxes]).amax(dim=0))
