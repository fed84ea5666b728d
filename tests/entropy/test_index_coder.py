import numpy as np
import pytest

from nerfzip.entropy.index_coder import (
    decode_without_prior,
    encode_without_prior,
    pack_indices,
    unpack_indices,
)
from nerfzip.errors import BitstreamError


@pytest.mark.parametrize(("codes", "bits"), [(1, 1), (2, 1), (3, 2), (1024, 10), (8192, 13)])
def test_each_in_the_same_number_of_bits(codes: int, bits: int) -> None:
    indices = np.random.default_rng(0).integers(codes, size=12_288)
    data = pack_indices(indices, codes)
    assert len(data) == 12_288 * bits // 8
    assert np.array_equal(unpack_indices(data, len(indices), codes), indices)


def test_damage_is_found_as_far_as_it_can_be() -> None:
    with pytest.raises(BitstreamError, match="packed indices: 3 bytes, expected 4"):
        unpack_indices(b"abc", 8, 16)
    with pytest.raises(BitstreamError, match="code 15, there are 9"):
        unpack_indices(b"\xff", 2, 9)
    with pytest.raises(BitstreamError, match="bits behind the last are not zero"):
        unpack_indices(b"\x01", 1, 16)


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_few_codes_are_shorter_by_huffman(count: int) -> None:
    indices = np.random.default_rng(0).geometric(0.4, count).clip(max=63).astype(np.int32)
    data = encode_without_prior(indices, 64)
    assert np.array_equal(decode_without_prior(data, count, 64), indices)
    if count == 3000:
        counts = np.bincount(indices)
        shares = counts[counts > 0] / count
        entropy = float(-(shares * np.log2(shares)).sum()) * count / 8
        # Huffman codes have at most a bit a symbol more than the entropy, and these have a short table.
        assert entropy < len(data) < entropy + count / 8 + 40
        assert len(data) < len(pack_indices(indices, 64))


def test_even_codes_stay_as_they_are() -> None:
    indices = np.random.default_rng(0).integers(1000, size=500).astype(np.int32)
    data = encode_without_prior(indices, 1000)
    assert data == b"\0" + pack_indices(indices, 1000)
    assert np.array_equal(decode_without_prior(data, 500, 1000), indices)


def test_damaged_huffman_codes_are_refused() -> None:
    indices = np.random.default_rng(0).geometric(0.4, 300).clip(max=63).astype(np.int32)
    data = encode_without_prior(indices, 64)
    assert data[0] == 1
    for broken in (
        b"",
        b"\2" + data[1:],
        data[:-3],
        data + b"\0",
        data[:3] + b"xxxxxxx" + data[10:],
        data[:1] + b"\xff\xff" + data[3:],
    ):
        with pytest.raises(BitstreamError):
            decode_without_prior(broken, 300, 64)
    with pytest.raises(BitstreamError, match="a Huffman table of 64 codes, expected 65"):
        decode_without_prior(data, 300, 65)
