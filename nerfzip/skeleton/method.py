"""A voxel field whose numbers are rounded to a few bits."""

from typing import Any

import numpy as np
import torch

from nerfzip.bitstream import pack, tensor_digest, unpack
from nerfzip.data.scene import Scene
from nerfzip.entropy.deflate import deflate_array, inflate_array
from nerfzip.errors import require_setting
from nerfzip.fields import VoxelField
from nerfzip.fields.decoded_voxel_field import DecodedVoxelField
from nerfzip.fields.voxel_header import describe, parse
from nerfzip.on_device import on_device
from nerfzip.sampling import Occupancy


class SkeletonMethod:
    """Each tensor of a voxel field, rounded to `bits` bits with one scale, deflated."""

    def __init__(self, base: Any, bits: int) -> None:
        require_setting(2 <= bits <= 16, "method.bits", bits, "2 to 16")
        self.base = base
        self.bits = bits

    def fit(self, scene: Scene) -> VoxelField:
        """All that does not depend on the rate. It is cached, and every rate starts from the same model."""
        return self.base.fit(scene)

    def uncompressed_bytes(self, model: VoxelField) -> int:
        """Size of the model's parameters as float32, for the ratio in the table."""
        return 4 * sum(parameter.numel() for parameter in model.parameters())

    def compress(self, model: VoxelField, scene: Scene) -> bytes:
        """All that depends on the rate; returns a complete file."""
        model = on_device(model, "cpu")  # Where it is coded, wherever it was fitted.
        parameters = model.state_dict()
        largest = 2 ** (self.bits - 1) - 1
        scales = np.array([max(float(p.abs().max()), 1e-9) / largest for p in parameters.values()], np.float32)
        arrays = {
            name: np.rint(parameter.numpy() / scale).astype(np.int16)
            for (name, parameter), scale in zip(parameters.items(), scales, strict=True)
        }
        arrays["scales"] = scales
        arrays["occupancy"] = np.packbits(model.occupancy.mask.numpy())
        sections = {name: deflate_array(array) for name, array in arrays.items()}
        return pack("skeleton", {"field": describe(model)}, sections, tensor_digest(arrays))

    def decompress(self, data: bytes) -> DecodedVoxelField:
        """The field, from the bytes alone."""
        stream = unpack(data)
        described = parse(stream.header.get("field"))
        shapes = described.shapes()
        arrays = {name: inflate_array(stream.sections, name, "int16", shape) for name, shape in shapes.items()}
        arrays["scales"] = inflate_array(stream.sections, "scales", "float32", (len(shapes),))
        resolution = described.geometry.resolution
        voxels = int(np.prod(resolution))
        arrays["occupancy"] = inflate_array(stream.sections, "occupancy", "uint8", (-(-voxels // 8),))
        mask = np.unpackbits(arrays["occupancy"], count=voxels).reshape(resolution).astype(bool)

        field = described.empty_field()
        for (name, parameter), scale in zip(field.state_dict().items(), arrays["scales"], strict=True):
            parameter.copy_(torch.from_numpy(arrays[name].astype(np.float32) * scale))
        field.occupancy = Occupancy.of(torch.from_numpy(mask))
        return DecodedVoxelField(field, arrays)
