"""What a file of ReRF says besides its frames, and how a frame's section becomes something to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from methods.rerf.blocks import block_counts
from methods.rerf.closed_loop import CodedFrame, Reconstruction, decode_frame
from methods.rerf.coding import CODERS, FLOAT16, Coder, decode_section
from methods.rerf.model import with_grids
from nerfzip.bitstream import GroupsOfFrames
from nerfzip.entropy.array_coder import decode_arrays, encode_arrays
from nerfzip.errors import BitstreamError
from nerfzip.fields import Shading, VoxelField
from nerfzip.fields.decoded_voxel_field import DecodedVoxelField
from nerfzip.fields.voxel_header import describe, parse
from nerfzip.sampling.occupancy import dilated_maximum


@dataclass(frozen=True)
class DecodedFrame:
    """The tensors of a frame's section, and the grids that follow from them and the frames before."""

    coded: CodedFrame
    reconstruction: Reconstruction


@dataclass(frozen=True)
class FrameFormat:
    """A `nerfzip.bitstream.FrameCodec`.

    Attributes:
        field: with the geometry, the network and empty grids.
        quality: of the coefficients.
        coder: of the sections.
        occupied_alpha: voxels are looked at if they or a neighbour are more opaque than this over one voxel.
    """

    field: VoxelField
    quality: float
    coder: Coder
    occupied_alpha: float

    @staticmethod
    def from_header(header: dict[str, Any]) -> tuple["FrameFormat", GroupsOfFrames]:
        """The format, with a network of arbitrary weights, and the groups of frames.

        Raises:
            BitstreamError: the header is not one of `header_of`.
        """
        coder: Any = header.get("coder")
        if coder not in list(CODERS):
            raise BitstreamError(f"header.coder: {coder!r}, expected one of {', '.join(CODERS)}")
        quality, occupied_alpha = (
            _number(header, *limits) for limits in (("quality", 1, 100), ("occupied_alpha", 0, 1))
        )
        groups = GroupsOfFrames.from_header(header)
        if groups.prediction != "previous":
            raise BitstreamError(f"header.video.prediction: {groups.prediction!r}, expected 'previous'")
        described = parse(header.get("field"))
        if described.shading != Shading.SAMPLE or described.thresholds.alpha <= 0:
            raise BitstreamError("header.field: expected shading by sample, and a threshold of alpha above 0")
        return FrameFormat(described.empty_field(), quality, CODERS[coder], occupied_alpha), groups

    def decode(self, payload: bytes, key: DecodedFrame | None, previous: DecodedFrame | None) -> DecodedFrame:
        resolution = self.field.geometry.resolution
        channels = 1 + self.field.features.shape[-1]
        coded = decode_section(payload, self.coder, block_counts(resolution), channels, key is None)
        for name, array in coded.tensors().items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise BitstreamError(f"tensor {name!r}: NaN or infinity in it, expected finite numbers")
        before = None if previous is None else previous.reconstruction
        return DecodedFrame(coded, decode_frame(coded, before, self.quality, resolution))

    def tensor_names(self, is_key: bool) -> Sequence[str]:
        names = ("kept", "coefficients", "axes")
        return names if is_key else (*names, "moving", "offsets")

    def coded_tensors(self, frame: DecodedFrame) -> Mapping[str, Tensor]:
        return {name: torch.from_numpy(array) for name, array in frame.coded.tensors().items()}

    def renderable(self, frame: DecodedFrame, index: int) -> DecodedVoxelField:
        field = with_grids(self.field, frame.reconstruction.grid, frame.reconstruction.kept)
        opaque = dilated_maximum(field.alpha_of_voxels(1.0)) > self.occupied_alpha
        return DecodedVoxelField(
            with_grids(self.field, frame.reconstruction.grid, opaque & frame.reconstruction.kept), frame.coded.tensors()
        )


def header_of(
    field: VoxelField, groups: GroupsOfFrames, quality: float, coder: str, occupied_alpha: float
) -> dict[str, Any]:
    """All that the sections do not say, ready for JSON."""
    return {
        "video": groups.to_header(),
        "coder": coder,
        "quality": quality,
        "occupied_alpha": occupied_alpha,
        "field": describe(field),
    }


def decoder_arrays(decoder: nn.Module) -> dict[str, np.ndarray]:
    """The network's weights by name, as they are stored: in float16."""
    return {f"decoder.{name}": weight.numpy().astype(FLOAT16) for name, weight in decoder.state_dict().items()}


def encode_decoder(arrays: dict[str, np.ndarray]) -> bytes:
    return encode_arrays(list(arrays.values()))


def with_decoder(format_: FrameFormat, data: bytes) -> dict[str, np.ndarray]:
    """Fill the network's weights in, and return them as they were coded.

    Raises:
        BitstreamError: a weight is not finite, or the data end too early.
    """
    state = format_.field.decoder.state_dict()
    arrays = decode_arrays(data, [(FLOAT16, tuple(weight.shape)) for weight in state.values()])
    named = dict(zip(state, arrays, strict=True))
    if not all(np.isfinite(array).all() for array in arrays):
        raise BitstreamError("section decoder: NaN or infinity in it, expected finite numbers")
    format_.field.decoder.load_state_dict({name: torch.from_numpy(array).float() for name, array in named.items()})
    format_.field.decoder.requires_grad_(False)
    return {f"decoder.{name}": array for name, array in named.items()}


def _number(header: dict[str, Any], key: str, low: float, high: float) -> float:
    value: Any = header.get(key)
    if not (type(value) in (int, float) and low < value < high):
        raise BitstreamError(f"header.{key}: {value!r}, expected a number between {low} and {high}")
    return value
