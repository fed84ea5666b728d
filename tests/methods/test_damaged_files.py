"""Damaged and hostile files of each method: decoded to the same digest, or refused, within bounded time and memory."""

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from damage import MUTATIONS, hostile_headers, spoiled_headers
from decode_limits import within_limits
from tiny_codec import tiny_base_model, tiny_method, tiny_object
from tiny_models import FLOAT16, tiny_base, tiny_triplanes, tiny_vqrf

from methods.dvgo.method import DVGO
from methods.vqrf.tensors import MAX_VOXELS
from nerfzip.bitstream import pack, tensor_digest, unpack
from nerfzip.data.scene import Scene
from nerfzip.entropy.lattice import PAD
from nerfzip.errors import BitstreamError
from nerfzip.fields import ColourMLP, VoxelField
from nerfzip.fields.voxel_header import LARGEST_GRID_BYTES, NETWORK_LIMITS
from nerfzip.geometry import Rays
from nerfzip.quantization.networks import network_layout

Decompress = Callable[[bytes], Any]
MEMORY_LIMIT = 1 << 28
"""Of an attempt; a real decode of these files takes a few MB."""
RAYS = Rays(torch.tensor([[4.0, 0.3, 0.2]]), torch.tensor([[-1.0, 0.0, 0.0]]))


@pytest.fixture(scope="session")
def files(
    tiny_scene: Scene, ray_field: VoxelField, vqrf_file: bytes, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[bytes, Decompress]]:
    torch.manual_seed(0)
    dvgo, vqrf = DVGO(tiny_base(), "float16"), tiny_vqrf(coder="paper", precision=FLOAT16)
    made = {
        "vqrf context": (vqrf_file, tiny_vqrf().decompress),
        "vqrf paper": (vqrf.compress(ray_field, tiny_scene), vqrf.decompress),
        "dvgo": (dvgo.compress(ray_field, tiny_scene), dvgo.decompress),
    }
    for storage in ("int8", "float32"):
        triplanes = tiny_triplanes(storage)
        torch.manual_seed(0)
        model = triplanes.fit(tiny_scene)
        made[f"triplanes {storage}"] = (triplanes.compress(model, tiny_scene), triplanes.decompress)
    folder = tmp_path_factory.mktemp("codecnerf")
    base_model, scene = tiny_base_model(folder), tiny_object(0, folder)
    for coder in ("context", "paper", "float32"):
        codecnerf = tiny_method(base_model, coder)
        torch.manual_seed(0)
        made[f"codecnerf {coder}"] = (codecnerf.compress(codecnerf.fit(scene), scene), codecnerf.decompress)
    for data, decompress in made.values():
        decompress(data)  # No attempt is to pay for the compilation of kernels.
    return made


VOXELS = ["vqrf context", "vqrf paper", "dvgo"]
PLANES = [
    "triplanes int8",
    "triplanes float32",
    "codecnerf context",
    "codecnerf paper",
    "codecnerf float32",
]
NAMES = [*VOXELS, *PLANES]


def attempt(data: bytes, decompress: Decompress, digest: bytes) -> bool:
    """Whether the file was refused. Where it was not, it decodes to the digest, and can be rendered."""
    with within_limits(MEMORY_LIMIT):
        try:
            field = decompress(data)
        except BitstreamError as error:
            assert str(error)
            return True
    assert tensor_digest(field.coded_tensors()) == digest
    field.render(RAYS)
    return False


@pytest.mark.parametrize("name", NAMES)
def test_random_damage(files: dict[str, tuple[bytes, Decompress]], name: str) -> None:
    original, decompress = files[name]
    digest = unpack(original).digest
    assert not attempt(original, decompress, digest)
    refused, changed = 0, 0
    for seed in range(400):
        data = bytearray(original)
        MUTATIONS[seed % len(MUTATIONS)](data, random.Random(seed))
        if data != original:
            changed += 1
            refused += attempt(bytes(data), decompress, digest)
    assert refused == changed > 360


@pytest.mark.parametrize("name", NAMES)
def test_damage_under_right_checksums(files: dict[str, tuple[bytes, Decompress]], name: str) -> None:
    """The decoders of the sections see it; the digest of the tensors is what notices the rest."""
    original, decompress = files[name]
    stream = unpack(original)
    refused = 0
    for seed in range(60):
        chance = random.Random(seed)
        section = chance.choice(list(stream.sections))
        data = bytearray(stream.sections[section])
        MUTATIONS[seed % len(MUTATIONS)](data, chance)
        sections = {**stream.sections, section: bytes(data)}
        refused += attempt(pack(stream.method, stream.header, sections, stream.digest), decompress, stream.digest)
    assert refused > 30


@pytest.mark.parametrize("name", NAMES)
def test_hostile_headers(files: dict[str, tuple[bytes, Decompress]], name: str) -> None:
    """Each value in turn becomes something weird, or is left out."""
    original, decompress = files[name]
    stream = unpack(original)
    refused, attempts = 0, 0
    for header, _ in spoiled_headers(stream.header, values=2):
        attempts += 1
        refused += attempt(pack(stream.method, header, stream.sections, stream.digest), decompress, stream.digest)
    assert attempts > 50
    assert refused > 0.8 * attempts


@pytest.mark.parametrize("name", NAMES)
def test_several_hostile_fields_at_once(files: dict[str, tuple[bytes, Decompress]], name: str) -> None:
    original, decompress = files[name]
    stream = unpack(original)
    refused = 0
    for header in hostile_headers(stream.header, 300):
        refused += attempt(pack(stream.method, header, stream.sections, stream.digest), decompress, stream.digest)
    assert refused > 270


def promise(header: dict[str, Any], size: int, channels: int) -> None:
    """Let all of a header speak of a grid of size³ voxels and of the largest colour network."""
    width, layers, frequencies = (NETWORK_LIMITS[name][1] for name in ("width", "hidden_layers", "frequencies"))
    field = header["field"]
    field |= {"box": [0.0] * 3 + [float(size)] * 3, "resolution": [size] * 3, "channels": channels}
    field |= {"voxel_size": 1.0, "final_voxel_size": 1.0, "step_ratio": 1.0}
    field["decoder"] = [width, layers, frequencies, 0]
    if "tensors" in header:
        tensors = header["tensors"]
        kind = "int8" if tensors["decoder"][0][1] == "int8" else "float16"
        arrays = network_layout(ColourMLP(channels, width, layers, frequencies).layers, kind)
        tensors |= {"shape": [size] * 3, "channels": channels}
        tensors["decoder"] = [[name, dtype, list(shape)] for name, (dtype, shape) in arrays.items()]


@pytest.mark.parametrize("channels", [3, 12, 64])
@pytest.mark.parametrize("name", VOXELS)
def test_the_largest_grid_in_a_small_file(files: dict[str, tuple[bytes, Decompress]], name: str, channels: int) -> None:
    """No field of the header is beyond its limit, and all agree; it is the sections that lack the data."""
    original, decompress = files[name]
    stream = unpack(original)
    header = copy.deepcopy(stream.header)
    size = int((LARGEST_GRID_BYTES / 4 / (channels + 1)) ** (1 / 3))
    if "tensors" in header:
        size = min(size, int(MAX_VOXELS ** (1 / 3)) - 2 * PAD)
    promise(header, size, channels)
    forged = [stream.sections]
    if "tensors" in header:
        # Without data every voxel would be decoded as set and kept, and the counts would agree.
        header["tensors"] |= {"non_pruned": size**3, "kept": size**3, "codes": 1}
        forged.append({section: b"" for section in stream.sections})
    for sections in forged:
        with within_limits(MEMORY_LIMIT), pytest.raises(BitstreamError, match="section"):
            decompress(pack(stream.method, header, sections, stream.digest))


@pytest.mark.parametrize("name", VOXELS)
def test_a_header_that_asks_for_terabytes(files: dict[str, tuple[bytes, Decompress]], name: str) -> None:
    """Consistently so: box, voxels, resolution and shape agree with each other."""
    original, decompress = files[name]
    stream = unpack(original)
    for size in (1 << 11, 1 << 14, 1 << 20):
        header = copy.deepcopy(stream.header)
        field = header["field"]
        field["box"] = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
        field["voxel_size"] = field["final_voxel_size"] = 1 / size
        field["resolution"] = [size] * 3
        if "tensors" in header:
            header["tensors"]["shape"] = [size] * 3
        with within_limits(MEMORY_LIMIT), pytest.raises(BitstreamError, match="voxels"):
            decompress(pack(stream.method, header, stream.sections, stream.digest))


@pytest.mark.parametrize("name", NAMES)
def test_another_methods_file(files: dict[str, tuple[bytes, Decompress]], name: str) -> None:
    _, decompress = files[name]
    other = "vqrf paper" if name == "dvgo" else "dvgo"
    with pytest.raises(BitstreamError):
        decompress(files[other][0])
    for data in (b"", b"\x89NRZ", bytes(1000)):
        with pytest.raises(BitstreamError):
            decompress(data)


@pytest.mark.parametrize("storage", ["int8", "float32"])
def test_planes_that_a_small_file_does_not_have(files: dict[str, tuple[bytes, Decompress]], storage: str) -> None:
    original, decompress = files[f"triplanes {storage}"]
    stream = unpack(original)
    for sides, message in (([1024, 1024], "section|planes"), ([1 << 20], "sides")):
        header = copy.deepcopy(stream.header)
        header["field"]["sides"] = sides
        with within_limits(MEMORY_LIMIT), pytest.raises(BitstreamError, match=message):
            decompress(pack(stream.method, header, stream.sections, stream.digest))
