"""What is decoded is, to the bit, what the encoder's integers stand for; what a header may not say is refused."""

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import FLOAT16, INT8, torch_threads

from methods.vqrf.packing import Precision, pack_field, quantized_tensors, unpack_field
from methods.vqrf.shared_codes import SharedCodes
from nerfzip.bitstream import Bitstream, pack, tensor_digest, unpack
from nerfzip.errors import BitstreamError, ConfigError
from nerfzip.fields import VoxelField
from nerfzip.fields.voxel_header import describe
from nerfzip.sampling import Occupancy

MIXED = Precision(density_steps=7.0, feature_steps=30.0, codebook="int8", decoder="float16")
PRECISIONS = {"int8": INT8, "float16": FLOAT16, "mixed": MIXED}


def pruned(model: VoxelField, codes: int = 9) -> tuple[VoxelField, torch.Tensor, SharedCodes]:
    """The model with random voxels pruned and kept, and random codes for the rest."""
    field = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(0)
    chance = torch.rand(field.geometry.resolution, generator=generator)
    non_pruned = (field.occupancy.mask > 0) & (chance < 0.8)
    keep = non_pruned & (chance < 0.3)
    field.occupancy = Occupancy.of(non_pruned)
    voxels = (non_pruned & ~keep).view(-1).nonzero()[:, 0]
    indices = torch.randint(codes, (len(voxels),), generator=generator)
    codebook = torch.randn(codes, 12, generator=generator)
    return field, keep, SharedCodes.of(voxels, indices, torch.ones(len(voxels)), codebook)


@pytest.mark.parametrize("coder", ["paper", "context"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_decoded_values_are_the_encoders(ray_field: VoxelField, precision: str, coder: str) -> None:
    """The dequantized values, worked out again from the field in numpy."""
    settings = PRECISIONS[precision]
    field, keep, codes = pruned(ray_field)
    tensors, scales = quantized_tensors(field, keep, codes, settings)
    decoded, coded = unpack_field(unpack(pack_field(field, tensors, scales, coder)))
    assert describe(decoded) == describe(field)
    non_pruned = field.occupancy.mask > 0
    assert torch.equal(decoded.occupancy.mask, field.occupancy.mask)
    assert not bool(decoded.density.data[~non_pruned].any())
    assert not bool(decoded.features.data[~non_pruned].any())

    def rounded(values: torch.Tensor, name: str, like: torch.Tensor, steps: float) -> np.ndarray:
        scale, zero_point = scales[name]
        assert scale == pytest.approx(float(like.double().std(correction=0)) / steps, rel=1e-5)
        assert zero_point == pytest.approx(-float(like.double().mean()) / scale, abs=0.51)
        integers = np.clip(np.rint(values.numpy() / np.float32(scale)) + zero_point, -128, 127)
        return (integers - zero_point).astype(np.float32) * np.float32(scale)

    density = field.density.data[..., 0][non_pruned]
    expected = rounded(density, "density", density, settings.density_steps)
    np.testing.assert_array_equal(decoded.density.data[..., 0][non_pruned], expected)
    kept = field.features.data[keep]
    np.testing.assert_array_equal(decoded.features.data[keep], rounded(kept, "features", kept, settings.feature_steps))
    codebook = rounded(codes.codebook, "features", kept, settings.feature_steps)
    if settings.codebook == "float16":
        codebook = codes.codebook.half().float().numpy()
    found = decoded.features.data.view(-1, 12)[codes.voxels]
    np.testing.assert_array_equal(found, codebook[codes.indices])
    assert tensor_digest(coded) == unpack(pack_field(field, tensors, scales, coder)).digest


@pytest.mark.parametrize("precision", PRECISIONS)
def test_both_coders_code_the_same_tensors(ray_field: VoxelField, precision: str) -> None:
    field, keep, codes = pruned(ray_field)
    tensors, scales = quantized_tensors(field, keep, codes, PRECISIONS[precision])
    files = [pack_field(field, tensors, scales, coder) for coder in ("paper", "context")]
    (paper, paper_tensors), (context, context_tensors) = (unpack_field(unpack(data)) for data in files)
    assert unpack(files[0]).digest == unpack(files[1]).digest
    assert paper_tensors.keys() == context_tensors.keys()
    for name, tensor in paper_tensors.items():
        assert tensor.tobytes() == context_tensors[name].tobytes(), name
    for name, value in paper.state_dict().items():
        assert torch.equal(value, context.state_dict()[name]), name


def test_the_sections_are_the_components(vqrf_file: bytes) -> None:
    sizes = unpack(vqrf_file).component_sizes()
    components = {"non_pruned_mask", "keep_mask", "density", "kept_features", "codebook", "indices", "decoder"}
    assert set(sizes) == components | {"container"}
    assert sum(sizes.values()) == len(vqrf_file)


def test_decoding_does_not_depend_on_threads(vqrf_file: bytes) -> None:
    decoded = []
    for threads in (1, 2):
        with torch_threads(threads):
            decoded.append(unpack_field(unpack(vqrf_file)))
    assert tensor_digest(decoded[0][1]) == tensor_digest(decoded[1][1]) == unpack(vqrf_file).digest
    for name, value in decoded[0][0].state_dict().items():
        assert torch.equal(value, decoded[1][0].state_dict()[name]), name


def forged(data: bytes, path: tuple[str, ...], value: Any) -> Bitstream:
    """The file with another value in its header, under right checksums."""
    stream = unpack(data)
    header = copy.deepcopy(stream.header)
    inner = header
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return unpack(pack("vqrf", header, stream.sections, stream.digest))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("coder",), "other"),
        (("coder",), ["context"]),
        (("coder",), {"paper": 1}),
        (("coder",), None),
        (("coder",), "paper"),  # which the sections are not
        (("field",), None),
        (("field", "resolution"), [1, 2, 3]),
        (("field", "channels"), 11),
        (("field", "decoder"), [17, 2, 2, 1]),
        (("field", "voxel_size"), 1e-6),
        (("tensors",), []),
        (("tensors", "shape"), [2, 2, 2]),
        (("tensors", "shape"), [1 << 40, 1 << 40, 1 << 40]),
        (("tensors", "codes"), 1 << 40),
        (("tensors", "kept"), 3),
        (("tensors", "non_pruned"), 10),
        (("tensors", "decoder"), []),
        (("scales",), None),
        (("scales", "density"), [0.1]),
        (("scales", "density"), [0.0, 1]),
        (("scales", "density"), [-0.1, 1]),
        (("scales", "density"), [1e31, 1]),
        (("scales", "features"), [0.1, 1.5]),
        (("scales", "features"), [0.1, 1 << 21]),
        (("scales", "features"), [0.1, True]),
        (("scales", "features"), [[0.1], 1]),
    ],
)
def test_a_header_that_lies(vqrf_file: bytes, path: tuple[str, ...], value: Any) -> None:
    with pytest.raises(BitstreamError):
        unpack_field(forged(vqrf_file, path, value))


def test_scales_that_nobody_asked_for_are_no_concern(vqrf_file: bytes) -> None:
    field, coded = unpack_field(forged(vqrf_file, ("scales", "more"), "words"))
    assert tensor_digest(coded) == unpack(vqrf_file).digest
    assert bool(torch.isfinite(field.features).all())


def test_a_digest_that_lies(vqrf_file: bytes) -> None:
    stream = unpack(vqrf_file)
    with pytest.raises(BitstreamError, match="digest"):
        unpack_field(unpack(pack("vqrf", stream.header, stream.sections, bytes(16))))


def test_more_codes_than_voxels_that_use_them(vqrf_file: bytes) -> None:
    sizes = unpack(vqrf_file).header["tensors"]
    codes = sizes["non_pruned"] - sizes["kept"] + 1
    with pytest.raises(BitstreamError, match=rf"header\.tensors\.codes: {codes} "):
        unpack_field(forged(vqrf_file, ("tensors", "codes"), codes))


def test_what_could_not_be_read_is_not_written(ray_field: VoxelField) -> None:
    field, keep, codes = pruned(ray_field)
    tensors, scales = quantized_tensors(field, keep, codes, FLOAT16)
    assert pack_field(field, tensors, scales, "paper")
    too_many = dataclasses.replace(tensors, codebook=np.zeros((1 << 16, 12), np.float16))
    with pytest.raises(ConfigError, match=r"a file can't hold this field: header\.tensors\.codes: 65536 "):
        pack_field(field, too_many, scales, "paper")
    with pytest.raises(ConfigError, match=r"a file can't hold this field: header\.scales\.density"):
        pack_field(field, tensors, scales | {"density": [1e31, 0]}, "paper")
    field.shift = 1e3
    with pytest.raises(ConfigError, match=r"a file can't hold this field: field\.shift"):
        pack_field(field, tensors, scales, "paper")


def test_unknown_precision() -> None:
    with pytest.raises(ConfigError, match=r"precision\.decoder: 'int4', expected float16 or int8"):
        Precision(15.0, 15.0, "int8", "int4")
