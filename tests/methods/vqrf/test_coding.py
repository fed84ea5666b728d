"""Both coders give back the same tensors, to the bit; the context coder is smaller where there is structure."""

import json
import zlib

import numpy as np
import pytest

from methods.vqrf.coding_context import decode_context, encode_context
from methods.vqrf.coding_paper import decode_paper, encode_paper
from methods.vqrf.tensors import Layout, VoxelTensors, drop_unused_codes, layout, parse_layout
from nerfzip.errors import BitstreamError

CODERS = {"paper": (encode_paper, decode_paper), "context": (encode_context, decode_context)}


def random_tensors(shape, non_pruned=0.4, kept=0.2, codes=13, channels=3, dtype=np.float16, seed=0) -> VoxelTensors:
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < non_pruned
    keep = mask & (rng.random(shape) < kept)
    return VoxelTensors(
        non_pruned=mask,
        keep=keep,
        density=rng.integers(-128, 128, mask.sum(), np.int8),
        kept_features=rng.integers(-128, 128, (keep.sum(), channels), np.int8),
        indices=rng.integers(0, codes, mask.sum() - keep.sum(), np.int32),
        codebook=rng.normal(0, 20, (codes, channels)).astype(dtype),
        decoder={"0.weight": rng.normal(0, 1, (4, 3)).astype(np.float16), "0.scale": rng.random(4, np.float32)},
    )


def structured_tensors(size=56, channels=4) -> VoxelTensors:
    """A smooth shell whose densities and features vary slowly, with some noise."""
    rng = np.random.default_rng(7)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, size)] * 3, indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    mask = np.abs(radius - 0.6) < 0.12
    keep = mask & (np.abs(radius - 0.6) < 0.03) & (x > -0.2)
    density = 40 * np.tanh((0.6 - radius) * 20) + rng.normal(0, 1, mask.shape)
    waves = [np.sin(4 * x + k) * np.cos(3 * y * (k + 1)) + 0.5 * np.sin(5 * z) for k in range(channels)]
    features = np.stack(waves, -1) + rng.normal(0, 0.05, (*mask.shape, channels))
    quantized = features[mask & ~keep]
    codebook = quantized[rng.choice(len(quantized), 200, replace=False)]
    distances = ((quantized[:, None] - codebook[None]) ** 2).sum(-1)
    return VoxelTensors(
        non_pruned=mask,
        keep=keep,
        density=np.clip(np.rint(density), -128, 127).astype(np.int8)[mask],
        kept_features=np.rint(features[keep] * 50).astype(np.int8),
        indices=distances.argmin(1).astype(np.int32),
        codebook=codebook.astype(np.float16),
        decoder={"weight": rng.normal(0, 1, (16, 16)).astype(np.float16)},
    )


def assert_identical(a: VoxelTensors, b: VoxelTensors) -> None:
    for name in ("non_pruned", "keep", "density", "kept_features", "indices", "codebook"):
        _assert_same_array(name, getattr(a, name), getattr(b, name))
    assert list(a.decoder) == list(b.decoder)
    for name in a.decoder:
        _assert_same_array(name, a.decoder[name], b.decoder[name])


def _assert_same_array(name, a, b):
    assert a.dtype == b.dtype, name
    assert a.shape == b.shape, name
    assert a.tobytes() == b.tobytes(), name


def parsed(tensors: VoxelTensors) -> Layout:
    return parse_layout(json.loads(json.dumps(layout(tensors))))


CASES = {
    "random": random_tensors((9, 10, 11)),
    "int8 codebook": random_tensors((9, 10, 11), dtype=np.int8),
    "no voxel": random_tensors((5, 6, 7), non_pruned=0),
    "every voxel": random_tensors((8, 9, 8), non_pruned=1),
    "all kept": random_tensors((5, 6, 7), kept=1),
    "none kept": random_tensors((5, 6, 7), kept=0),
    "one voxel": random_tensors((1, 1, 1), non_pruned=1, kept=0),
    "one kept voxel": random_tensors((1, 1, 1), non_pruned=1, kept=1),
    "one code": random_tensors((6, 6, 6), codes=1),
    "two codes": random_tensors((6, 6, 6), codes=2),
    "one channel": random_tensors((6, 6, 6), channels=1),
    "64 channels": random_tensors((6, 6, 6), channels=64),
    "a line": random_tensors((1, 1, 500)),
    "a plane": random_tensors((40, 1, 30)),
    "5000 codes": random_tensors((20, 20, 20), codes=5000),
    "structured": structured_tensors(),
}


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("case", CASES)
def test_round_trip(coder, case):
    encode, decode = CODERS[coder]
    assert_identical(decode(encode(CASES[case]), parsed(CASES[case])), CASES[case])


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("value", [-128, 0, 127])
def test_constant_arrays(coder, value):
    random = random_tensors((7, 8, 9))
    tensors = VoxelTensors(
        random.non_pruned,
        random.keep,
        np.full_like(random.density, value),
        np.full_like(random.kept_features, value),
        np.zeros_like(random.indices),
        np.full_like(random.codebook, value),
        {"empty": np.zeros((0, 3), np.float16), "scalar": np.float32(value).reshape(())},
    )
    encode, decode = CODERS[coder]
    assert_identical(decode(encode(tensors), parsed(tensors)), tensors)


def test_context_is_at_least_a_third_smaller_on_structure():
    tensors = drop_unused_codes(structured_tensors())
    paper = sum(len(section) for section in encode_paper(tensors).values())
    context = sum(len(section) for section in encode_context(tensors).values())
    assert context < paper * 2 / 3


def test_paper_indices_are_packed_msb_first():
    tensors = random_tensors((1, 1, 3), non_pruned=1, kept=0, codes=5)
    tensors = VoxelTensors(**(vars(tensors) | {"indices": np.array([4, 1, 3], np.int32)}))
    assert zlib.decompress(encode_paper(tensors)["indices"]) == bytes([0b10000101, 0b10000000])


def test_dropping_unused_codes_keeps_every_voxels_features():
    tensors = random_tensors((9, 9, 9), codes=4000)
    smaller = drop_unused_codes(tensors)
    assert len(smaller.codebook) == len(np.unique(tensors.indices)) < 4000
    assert np.array_equal(smaller.codebook[smaller.indices], tensors.codebook[tensors.indices])
    assert smaller.indices.dtype == np.int32
    assert len(drop_unused_codes(CASES["all kept"]).codebook) == 1


@pytest.mark.parametrize("coder", CODERS)
def test_damaged_sections_give_an_error_or_tensors_of_the_layout(coder):
    encode, decode = CODERS[coder]
    tensors = random_tensors((9, 10, 11), codes=50)
    sections, sizes = encode(tensors), parsed(tensors)
    rng = np.random.default_rng(11)
    for _ in range(200):
        name = str(rng.choice(list(sections)))
        data = bytearray(sections[name])
        action = rng.integers(3)
        if action == 0:
            data = data[: rng.integers(len(data) + 1)]
        elif action == 1 and data:
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        else:
            data = bytearray(rng.bytes(rng.integers(200)))
        try:
            decoded = decode(sections | {name: bytes(data)}, sizes)
        except BitstreamError:
            continue
        assert layout(decoded) == layout(tensors)
        assert not (decoded.keep & ~decoded.non_pruned).any()
        assert decoded.keep.sum() == sizes.kept
        assert decoded.indices.min() >= 0
        assert decoded.indices.max() < sizes.codes


@pytest.mark.parametrize("coder", CODERS)
def test_a_missing_section_is_named(coder):
    encode, decode = CODERS[coder]
    tensors = CASES["random"]
    sections = encode(tensors)
    for name in sections:
        with pytest.raises(BitstreamError, match=name):
            decode({key: data for key, data in sections.items() if key != name}, parsed(tensors))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [1 << 13, 1 << 13, 2]},
        {"shape": [0, 4, 4]},
        {"shape": [4, 4]},
        {"shape": [4.0, 4, 4]},
        {"shape": [True, 4, 4]},
        {"shape": "big"},
        {"channels": 65},
        {"channels": None},
        {"codes": (1 << 16) + 1},
        {"codes": 0},
        {"non_pruned": 991},
        {"kept": -1},
        {"kept": 10**30},
        {"codebook_dtype": "object"},
        {"codebook_dtype": ["int8"]},
        {"decoder": {"weight": 1}},
        {"decoder": [["weight", "int8"]]},
        {"decoder": [["weight", "float64", [3]]]},
        {"decoder": [["weight", ["int8"], [3]]]},
        {"decoder": [[["weight"], "int8", [3]]]},
        {"decoder": [["weight", "int8", [1 << 30, 2]]]},
        {"decoder": [["weight", "int8", [1 << 30, 1 << 30, 0]], ["more", "int8", [1 << 29, 3]]]},
        {"decoder": [["twice", "int8", [1]], ["twice", "int8", [1]]]},
    ],
)
def test_a_hostile_layout_is_refused(change):
    fields = layout(CASES["random"])
    parse_layout(fields)
    with pytest.raises(BitstreamError, match="layout"):
        parse_layout(fields | change)
    with pytest.raises(BitstreamError, match="layout"):
        parse_layout({key: value for key, value in fields.items() if key not in change})
