"""The voxel field as it is, in a file: the reference that compression is measured against."""

import numpy as np
import torch

from methods.dvgo.base import VoxelBase
from nerfzip.bitstream import pack, tensor_digest, unpack
from nerfzip.data.scene import Scene
from nerfzip.entropy.deflate import deflate_array, inflate_array
from nerfzip.errors import BitstreamError, ConfigError
from nerfzip.fields import VoxelField
from nerfzip.fields.decoded_voxel_field import DecodedVoxelField
from nerfzip.fields.voxel_header import describe, parse
from nerfzip.on_device import on_device
from nerfzip.sampling.occupancy import Occupancy

METHOD = "dvgo"
TYPES = ("float32", "float16")


class DVGO:
    """Stores grids and network in floating point, deflated.

    Args:
        base: fits the voxel field.
        storage: "float32", or "float16" with half the bytes.
    """

    def __init__(self, base: VoxelBase, storage: str) -> None:
        if storage not in TYPES:
            raise ConfigError(f"method.storage: {storage!r}, expected {' or '.join(TYPES)}")
        self.base = base
        self.storage = storage

    def fit(self, scene: Scene) -> VoxelField:
        return self.base.fit(scene)

    def uncompressed_bytes(self, model: VoxelField) -> int:
        """Size of the model's parameters as float32."""
        return 4 * sum(parameter.numel() for parameter in model.parameters())

    def compress(self, model: VoxelField, scene: Scene) -> bytes:
        model = on_device(model, "cpu")
        arrays = {name: tensor.numpy().astype(self.storage) for name, tensor in model.state_dict().items()}
        arrays["occupancy"] = np.packbits(model.occupancy.mask.numpy())
        sections = {name: deflate_array(array) for name, array in arrays.items()}
        header = {"field": describe(model), "storage": self.storage}
        return pack(METHOD, header, sections, tensor_digest(arrays))

    def decompress(self, data: bytes) -> DecodedVoxelField:
        stream = unpack(data)
        storage = stream.header.get("storage")
        if storage not in TYPES:
            raise BitstreamError(f"header.storage: {storage!r}, expected {' or '.join(TYPES)}")
        described = parse(stream.header.get("field"))
        arrays = {
            name: inflate_array(stream.sections, name, storage, shape) for name, shape in described.shapes().items()
        }
        resolution = described.geometry.resolution
        voxels = int(np.prod(resolution))
        packed = inflate_array(stream.sections, "occupancy", np.uint8, ((voxels + 7) // 8,))
        arrays["occupancy"] = packed
        if tensor_digest(arrays) != stream.digest:
            raise BitstreamError("the decoded tensors do not have the digest that the file states")
        field = described.empty_field()
        field.load_state_dict({name: torch.from_numpy(arrays[name]) for name in field.state_dict()})
        mask = np.unpackbits(packed, count=voxels).reshape(resolution)
        field.occupancy = Occupancy.of(torch.from_numpy(mask.astype(bool)))
        return DecodedVoxelField(field, arrays)
