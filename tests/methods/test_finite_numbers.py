"""NaN and infinity are neither written nor read, even where every checksum and the digest are right."""

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from documented_digest import documented_digest
from tiny_models import FLOAT16, INT8, tiny_base

from methods.dvgo import method as dvgo_method
from methods.dvgo.method import DVGO
from methods.vqrf import packing
from methods.vqrf.packing import pack_field, unpack_field
from methods.vqrf.shared_codes import SharedCodes
from methods.vqrf.tensors import VoxelTensors
from nerfzip.bitstream import unpack
from nerfzip.data.scene import Scene
from nerfzip.errors import BitstreamError
from nerfzip.fields import VoxelField

BAD = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("storage", ["float16", "float32"])
@pytest.mark.parametrize("name", ["density", "features", "decoder.layers.1.weight", "decoder.layers.2.bias"])
def test_dvgo(
    tiny_scene: Scene, ray_field: VoxelField, monkeypatch: pytest.MonkeyPatch, name: str, storage: str, bad: float
) -> None:
    method, model = DVGO(tiny_base(), storage), copy.deepcopy(ray_field)
    model.state_dict()[name].view(-1)[1] = bad
    with pytest.raises(BitstreamError, match=f"'{name}': NaN or infinity"):
        method.compress(model, tiny_scene)
    with monkeypatch.context() as patch:
        patch.setattr(dvgo_method, "tensor_digest", documented_digest)
        data = method.compress(model, tiny_scene)
    with pytest.raises(BitstreamError, match=f"'{name}': NaN or infinity"):
        method.decompress(data)


Packed = tuple[VoxelTensors, dict[str, list[float]]]


def quantized(field: VoxelField, precision: packing.Precision) -> Packed:
    """Half of the voxels kept, the others with two codes."""
    voxels = (field.occupancy.mask.view(-1) > 0).nonzero()[:, 0]
    keep = torch.zeros(field.geometry.resolution, dtype=torch.bool)
    keep.view(-1)[voxels[::2]] = True
    shared = voxels[1::2]
    codebook = torch.randn(2, field.features.shape[-1], generator=torch.Generator().manual_seed(0))
    codes = SharedCodes.of(shared, torch.arange(len(shared)) % 2, torch.ones(len(shared)), codebook)
    return packing.quantized_tensors(field, keep, codes, precision)


def with_number(tensors: VoxelTensors, name: str, number: float) -> VoxelTensors:
    """The tensors with another number at the second place of one."""
    arrays: dict[str, Any] = {"codebook": tensors.codebook} | {f"decoder.{n}": a for n, a in tensors.decoder.items()}
    arrays[name] = arrays[name].copy()
    arrays[name].reshape(-1)[1] = number
    decoder = {n: arrays[f"decoder.{n}"] for n in tensors.decoder}
    return dataclasses.replace(tensors, codebook=arrays["codebook"], decoder=decoder)


FLOATS = [(FLOAT16, name) for name in ("codebook", "decoder.0.weight", "decoder.1.bias")]
FLOATS += [(INT8, name) for name in ("decoder.0.scale", "decoder.1.bias")]


@pytest.mark.parametrize(("coder", "bad"), [("context", math.nan), *(("paper", bad) for bad in BAD)])
@pytest.mark.parametrize(("precision", "name"), FLOATS)
def test_vqrf(
    ray_field: VoxelField,
    monkeypatch: pytest.MonkeyPatch,
    precision: packing.Precision,
    name: str,
    coder: str,
    bad: float,
) -> None:
    tensors, scales = quantized(ray_field, precision)
    tensors = with_number(tensors, name, bad)
    with pytest.raises(BitstreamError, match=f"'{name}': NaN or infinity"):
        pack_field(ray_field, tensors, scales, coder)
    with monkeypatch.context() as patch:
        patch.setattr(packing, "tensor_digest", documented_digest)
        stream = unpack(pack_field(ray_field, tensors, scales, coder))
    with pytest.raises(BitstreamError, match=f"'{name}': NaN or infinity"):
        unpack_field(stream)


def test_a_finite_scale_that_makes_infinite_weights(ray_field: VoxelField) -> None:
    tensors, scales = quantized(ray_field, INT8)
    tensors = with_number(tensors, "decoder.0.scale", float(np.finfo(np.float32).max))
    stream = unpack(pack_field(ray_field, tensors, scales, "paper"))
    with pytest.raises(BitstreamError, match=r"NaN or infinity in 0\.weight"):
        unpack_field(stream)
