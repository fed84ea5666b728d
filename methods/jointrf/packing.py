"""What a file of JointRF says besides its frames, and how a frame's section becomes something to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from methods.jointrf.coding import CodedFrame, Coder, decode_frame
from methods.jointrf.grids import NEUTRAL, Symbols
from nerfzip.entropy.array_coder import decode_arrays, encode_arrays
from nerfzip.entropy.deflate import deflate_array, inflate_array
from nerfzip.errors import BitstreamError
from nerfzip.fields.basis_field import BasisField, BasisGrids
from nerfzip.fields.basis_header import BasisDescription
from nerfzip.fields.basis_networks import BasisNetworks

DROPPED_BITS = 4
"""Of the weights' float16, at its end: a relative error of less than a hundredth."""
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

    def renderable(self, frame: DecodedFrame) -> BasisField:
        return self.description.field(frame.grids, self.networks, frame.mask)


def _basis_names(levels: int) -> list[str]:
    return [f"basis{level:02d}" for level in range(levels)]


def network_arrays(networks: BasisNetworks) -> dict[str, np.ndarray]:
    """The weights as they are coded, in float16, of whose ten bits behind the leading one the last four are zero."""
    return {name: _fewer_bits(weight.numpy().astype(np.float16)) for name, weight in networks.state_dict().items()}


def _fewer_bits(values: np.ndarray) -> np.ndarray:
    """Rounded to the nearest; what is too large for that stays infinite, or becomes so."""
    bits = values.view(np.uint16)
    return ((bits + (1 << DROPPED_BITS >> 1)) & ~np.uint16((1 << DROPPED_BITS) - 1)).astype(np.uint16).view(np.float16)


def encode_networks(arrays: Mapping[str, np.ndarray], coder: Coder) -> bytes:
    if coder is Coder.CONTEXT:
        return encode_arrays(list(arrays.values()))
    return deflate_array(np.concatenate([array.reshape(-1) for array in arrays.values()]))


def decode_networks(data: bytes, networks: BasisNetworks, coder: Coder) -> dict[str, np.ndarray]:
    """The coded weights, which are put into `networks` as well.

    Raises:
        BitstreamError: the section is damaged, or a weight is not finite.
    """
    shapes = {name: tuple(weight.shape) for name, weight in networks.state_dict().items()}
    if coder is Coder.CONTEXT:
        decoded = decode_arrays(data, [(np.dtype(np.float16), shape) for shape in shapes.values()])
        arrays = dict(zip(shapes, decoded, strict=True))
    else:
        sizes = [int(np.prod(shape)) for shape in shapes.values()]
        flat = inflate_array({NETWORKS: data}, NETWORKS, np.float16, (sum(sizes),))
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        arrays = {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise BitstreamError(f"section {NETWORKS}: NaN or infinity in it, expected finite weights")
    networks.load_state_dict({name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()})
    return arrays
