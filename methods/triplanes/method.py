"""Triplanes: from the views of an object to a file, and back (the baseline of CodecNeRF; sheet baselines.md, §5)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from methods.triplanes.training import Schedule, train
from nerfzip.bitstream import pack, tensor_digest, unpack
from nerfzip.data.scene import Scene
from nerfzip.entropy.array_coder import decode_arrays, encode_arrays
from nerfzip.entropy.deflate import deflate_array, deflate_arrays, inflate_array, inflate_arrays
from nerfzip.entropy.grid_coder import decode_grid, encode_grid
from nerfzip.errors import BitstreamError, ConfigError, require_setting
from nerfzip.fields.triplane_field import NetworkSizes, Sampling, TriplaneField, TriplaneNetwork
from nerfzip.fields.triplane_header import TriplaneDescription, describe, parse
from nerfzip.on_device import on_device, working_on
from nerfzip.quantization.networks import load_network, network_arrays, network_layout
from nerfzip.quantization.scalar import Quantizer, quantizer_by_rows
from nerfzip.training.ray_sampler import RaySampler

METHOD = "triplanes"
TYPES = ("float32", "float16", "int8")
NETWORKS = ("coarse", "fine")


@dataclass(frozen=True)
class FittedTriplanes:
    """What training arrived at.

    Attributes:
        networks: of the coarse and of the fine network.
    """

    description: TriplaneDescription
    scales: list[Float[Tensor, "3 side side channels"]]
    networks: dict[str, dict[str, Tensor]]

    def field(self) -> TriplaneField:
        """With copies of the planes."""
        coarse, fine = (self.description.new_network() for _ in NETWORKS)
        coarse.load_state_dict(self.networks["coarse"])
        fine.load_state_dict(self.networks["fine"])
        return field_of(self.description, [planes.clone() for planes in self.scales], coarse, fine)


class DecodedTriplanes:
    """A `nerfzip.method.Field`."""

    def __init__(self, field: TriplaneField, arrays: dict[str, np.ndarray]) -> None:
        self.field = field
        self.box = field.box
        self.render = field.render
        self._arrays = arrays

    def coded_tensors(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array) for name, array in self._arrays.items()}


class Triplanes:
    """Free planes and networks, trained from scratch, stored as numbers of 32, 16 or 8 bits.

    Args:
        sides: of the planes at each scale, cells.
        channels: of each plane.
        deviation: of the planes' values at the start.
        networks, sampling: of the field.
        schedule: of the training.
        storage: "float32" as published, "float16", or "int8": a step for each channel of each plane, and contexts.
    """

    def __init__(
        self,
        sides: list[int],
        channels: int,
        deviation: float,
        networks: NetworkSizes,
        sampling: Sampling,
        schedule: Schedule,
        storage: str,
    ) -> None:
        if storage not in TYPES:
            raise ConfigError(f"method.storage: {storage!r}, expected {', '.join(TYPES)}")
        require_setting(deviation >= 0, "method.deviation", deviation, "at least 0")
        self.sides = tuple(sides)
        self.channels = channels
        self.deviation = deviation
        self.networks = networks
        self.sampling = sampling
        self.schedule = schedule
        self.storage = storage

    def fit(self, scene: Scene) -> FittedTriplanes:
        description = TriplaneDescription(
            self.sides, self.channels, self.networks, self.sampling, scene.box, scene.background, scene.near
        )
        try:
            parse(describe(description))
        except BitstreamError as error:
            raise ConfigError(f"method: no file can hold such a field: {error}") from error
        scales = [(self.deviation * torch.randn(shape)).requires_grad_() for shape in description.shapes()]
        coarse, fine = description.new_network(), description.new_network()
        sampler = RaySampler(scene.train.cameras, scene.train.images(scene.background))
        train(field_of(description, scales, coarse, fine), sampler, self.schedule, f"fit {scene.name}")
        weights = {"coarse": coarse.state_dict(), "fine": fine.state_dict()}
        return FittedTriplanes(description, [planes.detach() for planes in scales], weights)

    def uncompressed_bytes(self, model: FittedTriplanes) -> int:
        """Size of the planes and the networks as float32."""
        weights = [values for network in model.networks.values() for values in network.values()]
        return 4 * sum(values.numel() for values in [*model.scales, *weights])

    def compress(self, model: FittedTriplanes, scene: Scene) -> bytes:
        with working_on("cpu"):
            return self._packed(on_device(model, "cpu"))

    def _packed(self, model: FittedTriplanes) -> bytes:
        field = model.field()
        arrays: dict[str, np.ndarray] = {}
        sections: dict[str, bytes] = {}
        for index, planes in enumerate(model.scales):
            name = f"planes{index}"
            if self.storage == "int8":
                rows = _as_rows(planes)
                quantizer = quantizer_by_rows(rows)
                codes = _as_planes(quantizer.quantize(rows), planes.shape).contiguous()
                arrays[name], arrays[f"{name}.scale"] = codes.numpy(), quantizer.scale.numpy()
                symbols = codes.to(torch.int32).numpy()
                sections[name] = encode_grid(symbols, np.zeros_like(symbols))
                sections[f"{name}.scale"] = encode_arrays([arrays[f"{name}.scale"]])
            else:
                arrays[name] = planes.numpy().astype(self.storage)
                sections[name] = deflate_array(arrays[name])
        for name, network in zip(NETWORKS, (field.coarse, field.fine), strict=True):
            weights = network_arrays(network, self.storage)
            arrays |= {f"{name}.{key}": array for key, array in weights.items()}
            values = list(weights.values())
            sections[name] = encode_arrays(values) if self.storage == "int8" else deflate_arrays(values)
        header = {"field": describe(model.description), "storage": self.storage}
        return pack(METHOD, header, sections, tensor_digest(arrays))

    def decompress(self, data: bytes) -> DecodedTriplanes:
        stream = unpack(data)
        storage = stream.header.get("storage")
        if storage not in TYPES:
            raise BitstreamError(f"header.storage: {storage!r}, expected {', '.join(TYPES)}")
        description = parse(stream.header.get("field"))
        arrays: dict[str, np.ndarray] = {}
        scales = []
        for index, shape in enumerate(description.shapes()):
            name = f"planes{index}"
            if storage == "int8":
                values, decoded = _decode_int8(stream.sections, name, shape)
                arrays |= decoded
            else:
                arrays[name] = inflate_array(stream.sections, name, storage, shape)
                values = torch.from_numpy(arrays[name]).float()
            if not bool(torch.isfinite(values).all()):
                raise BitstreamError(f"section {name!r}: NaN or infinity, expected finite values")
            scales.append(values)
        networks = []
        for name in NETWORKS:
            network = description.new_network()
            layout = network_layout(network, storage)
            if storage == "int8":
                section = _section(stream.sections, name)
                numbers = decode_arrays(section, [(np.dtype(dtype), size) for dtype, size in layout.values()])
                weights = dict(zip(layout, numbers, strict=True))
            else:
                weights = inflate_arrays(stream.sections, name, layout)
            load_network(network, weights)
            networks.append(network.requires_grad_(False))
            arrays |= {f"{name}.{key}": array for key, array in weights.items()}
        if tensor_digest(arrays) != stream.digest:
            raise BitstreamError("the decoded tensors do not have the digest that the file states")
        return DecodedTriplanes(field_of(description, scales, *networks), arrays)


def field_of(
    description: TriplaneDescription,
    scales: list[Float[Tensor, "3 side side channels"]],
    coarse: TriplaneNetwork,
    fine: TriplaneNetwork,
) -> TriplaneField:
    box, background, near = description.box, description.background, description.near
    return TriplaneField(scales, coarse, fine, description.sampling, box, background, near)


def _as_rows(planes: Tensor) -> Float[Tensor, "rows values"]:
    """A row for each channel of each plane."""
    return planes.permute(0, 3, 1, 2).flatten(0, 1).flatten(1)


def _as_planes(rows: Tensor, shape: tuple[int, ...]) -> Float[Tensor, "3 side side channels"]:
    count, height, width, channels = shape
    return rows.view(count, channels, height, width).permute(0, 2, 3, 1)


def _decode_int8(
    sections: dict[str, bytes], name: str, shape: tuple[int, int, int, int]
) -> tuple[Float[Tensor, "3 side side channels"], dict[str, np.ndarray]]:
    symbols = decode_grid(_section(sections, name), np.zeros(shape, np.int32))
    if symbols.min() < -128 or symbols.max() > 127:
        raise BitstreamError(f"section {name!r}: codes from {symbols.min()} to {symbols.max()}, expected 8 bits")
    of_scales: tuple[np.dtype, tuple[int, ...]] = np.dtype(np.float32), (shape[0] * shape[3], 1)
    (scale,) = decode_arrays(_section(sections, f"{name}.scale"), [of_scales])
    codes = symbols.astype(np.int8)
    rows = Quantizer(torch.from_numpy(scale)).dequantize(_as_rows(torch.from_numpy(codes)))
    return _as_planes(rows, shape).contiguous(), {name: codes, f"{name}.scale": scale}


def _section(sections: dict[str, bytes], name: str) -> bytes:
    if name not in sections:
        raise BitstreamError(f"section {name!r} is missing")
    return sections[name]
