"""What a file of JointRF says besides its frames, and how a frame's section becomes something to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from methods.jointrf.coding import CodedFrame, Coder, decode_frame
from methods.jointrf.grids import NEUTRAL, Symbols
from nerfzip.entropy.array_coder import decode_arrays, encode_arrays
from nerfzip.entropy.deflate import deflate_arrays, inflate_arrays
from nerfzip.fields.basis_field import BasisField, BasisGrids
from nerfzip.fields.basis_header import BasisDescription
from nerfzip.fields.basis_networks import BasisNetworks
from nerfzip.quantization.networks import load_network, network_layout

NETWORKS = "networks"
"""The section of the networks' weights, once a file."""


@dataclass(frozen=True)
class DecodedFrame(CodedFrame):
    """With the grids that follow from a frame's symbols and from the key frame."""

    grids: BasisGrids


@dataclass(frozen=True)
class FrameFormat:
    """A `nerfzip.bitstream.FrameCodec`.

    Attributes:
        steps: symbols per unit, of each basis and of the coefficients; None where nothing is quantized.
        residual: whether frames add to their key frame's basis; otherwise each has a basis of its own.
        previous: whether a frame is coded with the frame before as context, in place of the key frame.
    """

    description: BasisDescription
    networks: BasisNetworks
    steps: list[float] | None
    coder: Coder
    residual: bool
    previous: bool

    def decode(self, payload: bytes, key: DecodedFrame | None, previous: DecodedFrame | None) -> DecodedFrame:
        geometry = self.description.geometry
        shapes = [*geometry.basis_shapes, geometry.coefficient_shape]
        reference = self.reference(key, previous)
        return self.decoded(decode_frame(payload, self.description.occupancy, shapes, reference, self.coder), key)

    def decoded(self, frame: CodedFrame, key: DecodedFrame | None) -> DecodedFrame:
        return DecodedFrame(frame.mask, frame.symbols, self.grids(frame.symbols, key))

    def reference(self, key: DecodedFrame | None, previous: DecodedFrame | None) -> DecodedFrame | None:
        """What the context coder knows before a frame is coded; nothing of a frame that is to stand alone."""
        if not self.residual:
            return None
        return previous if self.previous and key is not None else key

    def grids(self, symbols: Symbols, key: DecodedFrame | None) -> BasisGrids:
        """The grids of a frame, from integers."""
        grids = symbols.grids()
        steps = self.steps or [1.0] * len(grids)
        *bases, coefficients = (values.float() / step for values, step in zip(grids, steps, strict=True))
        if key is not None and self.residual:
            bases = [reference + residual for reference, residual in zip(key.grids.bases, bases, strict=True)]
        return BasisGrids(coefficients + NEUTRAL, bases)

    def tensor_names(self, is_key: bool) -> Sequence[str]:
        return ["mask", "coefficients", *_basis_names(len(self.description.geometry.basis_channels))]

    def coded_tensors(self, frame: DecodedFrame) -> Mapping[str, Tensor]:
        names = _basis_names(len(frame.symbols.bases))
        bases = dict(zip(names, frame.symbols.bases, strict=True))
        return {"mask": frame.mask.to(torch.uint8), "coefficients": frame.symbols.coefficients, **bases}

    def renderable(self, frame: DecodedFrame, index: int) -> BasisField:
        return self.description.field(frame.grids, self.networks, frame.mask)


def _basis_names(levels: int) -> list[str]:
    return [f"basis{level:02d}" for level in range(levels)]


def network_kind(coder: Coder) -> str:
    """How a file stores the weights."""
    return "float32" if coder is Coder.FLOAT32 else "int8"


def encode_networks(arrays: Mapping[str, np.ndarray], coder: Coder) -> bytes:
    return encode_arrays(list(arrays.values())) if coder is Coder.CONTEXT else deflate_arrays(arrays.values())


def decode_networks(data: bytes, networks: BasisNetworks, coder: Coder) -> dict[str, np.ndarray]:
    """The coded arrays, from which the weights of `networks` are set.

    Raises:
        BitstreamError: the section is damaged, or a weight is not finite.
    """
    layout = network_layout(networks, network_kind(coder))
    if coder is Coder.CONTEXT:
        decoded = decode_arrays(data, [(np.dtype(dtype), shape) for dtype, shape in layout.values()])
        arrays = dict(zip(layout, decoded, strict=True))
    else:
        arrays = inflate_arrays({NETWORKS: data}, NETWORKS, layout)
    load_network(networks, arrays)
    return arrays
