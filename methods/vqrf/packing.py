"""From a compressed field to what its file holds, and back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from methods.vqrf.coding_context import decode_context, encode_context
from methods.vqrf.coding_paper import decode_paper, encode_paper
from methods.vqrf.shared_codes import SharedCodes, feature_quantizer
from methods.vqrf.tensors import Layout, VoxelTensors, drop_unused_codes, layout, parse_layout
from nerfzip.bitstream import Bitstream, pack, tensor_digest
from nerfzip.errors import BitstreamError, ConfigError, require_setting
from nerfzip.fields import ColourMLP, VoxelField
from nerfzip.fields.voxel_header import VoxelDescription, describe, parse
from nerfzip.quantization import Quantizer, quantizer_by_spread
from nerfzip.quantization.networks import load_network, network_arrays, network_layout
from nerfzip.sampling.occupancy import Occupancy

METHOD = "vqrf"
MOST_STEPS = 32
"""8-bit codes then reach to 4 standard deviations; with more steps too much would be clipped."""
CODERS = {"paper": (encode_paper, decode_paper), "context": (encode_context, decode_context)}


@dataclass(frozen=True)
class Precision:
    """How numbers are stored.

    Attributes:
        density_steps, feature_steps: quantization steps in a standard deviation of the 8-bit tensors (paper: 15).
        codebook: "float16" (paper) or "int8".
        decoder: "float16" (paper) or "int8".
    """

    density_steps: float
    feature_steps: float
    codebook: str
    decoder: str

    def __post_init__(self) -> None:
        for name in ("density_steps", "feature_steps"):
            steps = getattr(self, name)
            require_setting(
                0 < steps <= MOST_STEPS, f"method.precision.{name}", steps, f"more than 0, at most {MOST_STEPS}"
            )
        for name in ("codebook", "decoder"):
            if getattr(self, name) not in ("float16", "int8"):
                raise ConfigError(f"method.precision.{name}: {getattr(self, name)!r}, expected float16 or int8")


def quantized_tensors(
    field: VoxelField, keep: Bool[Tensor, "x y z"], codes: SharedCodes, precision: Precision
) -> tuple[VoxelTensors, dict[str, list[float]]]:
    """The integers to code, and the quantizers' [scale, zero point] by name."""
    assert isinstance(field.decoder, ColourMLP)
    non_pruned = field.occupancy.mask > 0
    density = field.density.data[..., 0][non_pruned]
    density_quantizer = quantizer_by_spread(density, precision.density_steps)
    kept = keep.view(-1).nonzero()[:, 0]
    features = field.features.data.view(-1, codes.codebook.shape[1])
    quantizer = codes.quantizer or feature_quantizer(field, kept, codes, precision.feature_steps)
    codebook = quantizer.quantize(codes.codebook) if precision.codebook == "int8" else codes.codebook.half()
    tensors = VoxelTensors(
        non_pruned=non_pruned.numpy(),
        keep=keep.numpy(),
        density=density_quantizer.quantize(density).numpy(),
        kept_features=quantizer.quantize(features[kept]).numpy(),
        indices=codes.indices.to(torch.int32).numpy(),
        codebook=codebook.numpy(),
        decoder=network_arrays(field.decoder.layers, precision.decoder),
    )
    scales = {"density": _pair(density_quantizer), "features": _pair(quantizer)}
    return drop_unused_codes(tensors), scales


def pack_field(field: VoxelField, tensors: VoxelTensors, scales: dict[str, list[float]], coder: str) -> bytes:
    """A complete file.

    Raises:
        ConfigError: beyond what a reader accepts.
    """
    encode, _ = CODERS[coder]
    header = {"coder": coder, "field": describe(field), "tensors": layout(tensors), "scales": scales}
    try:
        _parse_header(header)
    except BitstreamError as error:
        raise ConfigError(f"a file can't hold this field: {error}") from error
    return pack(METHOD, header, encode(tensors), tensor_digest(coded_tensors(tensors, scales)))


def unpack_field(stream: Bitstream) -> tuple[VoxelField, dict[str, np.ndarray]]:
    """The field, and its coded tensors, which agree with the file's digest.

    Raises:
        BitstreamError: the file is damaged or hostile.
    """
    header = _parse_header(stream.header)
    _, decode = CODERS[header.coder]
    tensors = decode(stream.sections, header.tensors)
    scales = {"density": _pair(header.density_quantizer), "features": _pair(header.feature_quantizer)}
    coded = coded_tensors(tensors, scales)
    if tensor_digest(coded) != stream.digest:
        raise BitstreamError("the decoded tensors do not have the digest that the file states")
    # The grids are made last: a forged file gets no memory for them.
    return _dequantized(header, tensors), coded


@dataclass(frozen=True)
class _Header:
    coder: str
    field: VoxelDescription
    tensors: Layout
    density_quantizer: Quantizer
    feature_quantizer: Quantizer


def _parse_header(header: dict[str, Any]) -> _Header:
    coder: Any = header.get("coder")
    if coder not in list(CODERS):
        raise BitstreamError(f"header.coder: {coder!r}, expected one of {', '.join(CODERS)}")
    tensors = parse_layout(header.get("tensors"))
    if tensors.codes > max(tensors.quantized, 1):
        raise BitstreamError(f"header.tensors.codes: {tensors.codes} for {tensors.quantized} voxels, expected no more")
    density_quantizer, feature_quantizer = (_quantizer(header, name) for name in ("density", "features"))
    field = parse(header.get("field"))
    found, expected = (tensors.shape, tensors.channels), (field.geometry.resolution, field.channels)
    if found != expected:
        raise BitstreamError(f"header: tensors of {found}, but a field of {expected}")
    kind = "int8" if "0.scale" in tensors.decoder else "float16"
    if tensors.decoder != network_layout(field.new_decoder().layers, kind):
        raise BitstreamError(f"header.tensors.decoder: {tensors.decoder}, which is not the described network")
    return _Header(coder, field, tensors, density_quantizer, feature_quantizer)


def _dequantized(header: _Header, tensors: VoxelTensors) -> VoxelField:
    field = header.field.empty_field()
    assert isinstance(field.decoder, ColourMLP)
    load_network(field.decoder.layers, tensors.decoder)
    non_pruned, keep = torch.from_numpy(tensors.non_pruned), torch.from_numpy(tensors.keep)
    codebook = torch.from_numpy(tensors.codebook)
    codes = header.feature_quantizer.dequantize(codebook) if codebook.dtype == torch.int8 else codebook.float()
    field.density.data[non_pruned] = header.density_quantizer.dequantize(torch.from_numpy(tensors.density))[:, None]
    field.features.data[keep] = header.feature_quantizer.dequantize(torch.from_numpy(tensors.kept_features))
    field.features.data[non_pruned & ~keep] = codes[torch.from_numpy(tensors.indices).long()]
    field.occupancy = Occupancy.of(non_pruned)
    return field


def coded_tensors(tensors: VoxelTensors, scales: dict[str, list[float]]) -> dict[str, np.ndarray]:
    """What the digest is of: the integers, and the scales that turn them into values."""
    arrays: dict[str, np.ndarray] = {
        "non_pruned": tensors.non_pruned,
        "keep": tensors.keep,
        "density": tensors.density,
        "kept_features": tensors.kept_features,
        "indices": tensors.indices,
        "codebook": tensors.codebook,
    }
    arrays |= {f"decoder.{name}": array for name, array in tensors.decoder.items()}
    return arrays | {f"scale.{name}": np.array(pair, np.float64) for name, pair in scales.items()}


def _pair(quantizer: Quantizer) -> list[float]:
    return [float(quantizer.scale), quantizer.zero_point]


def _quantizer(header: dict[str, Any], name: str) -> Quantizer:
    scales: Any = header.get("scales")
    pair: Any = scales.get(name) if isinstance(scales, dict) else None
    valid = isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is float and type(pair[1]) is int
    if not valid or not (0 < pair[0] < 1e30 and abs(pair[1]) <= 1 << 20):
        raise BitstreamError(f"header.scales.{name}: {pair!r}, expected a positive scale and an integer zero point")
    return Quantizer(torch.tensor(pair[0], dtype=torch.float32), pair[1])
