"""Both coders of ReRF's coefficients are lossless; their tables, symbols and codes."""

import heapq
from collections.abc import Callable

import numpy as np
import pytest

from methods.rerf import coding_huffman, coding_range
from methods.rerf.scan import DIAGONAL_STARTS, SCAN, lower_neighbours
from methods.rerf.symbols import ALPHABET, extra_bits, from_symbols, to_symbols
from nerfzip.entropy.huffman import canonical_codes, code_lengths
from nerfzip.errors import BitstreamError

CODERS = {
    "huffman": (coding_huffman.encode_coefficients, coding_huffman.decode_coefficients),
    "range": (coding_range.encode_coefficients, coding_range.decode_coefficients),
}
Pair = tuple[Callable[[np.ndarray], bytes], Callable[[bytes, int, int], np.ndarray]]


def coefficients(blocks: int, scale: float, channels: int = 13, seed: int = 0) -> np.ndarray:
    """As a DCT leaves them: large first ones that change slowly, others that fall with the frequency; quiet blocks."""
    generator = np.random.default_rng(seed)
    order = np.add.outer(np.add.outer(np.arange(8), np.arange(8)), np.arange(8)).reshape(-1)
    loudness = np.exp(generator.normal(size=(blocks, 1, 1)))
    values = np.rint(generator.laplace(size=(blocks, channels, 512)) * loudness * scale * 0.75**order)
    values[:, :, 0] += np.cumsum(generator.integers(-12, 12, (blocks, channels)), axis=0)
    return values.astype(np.int16)


def extreme() -> np.ndarray:
    values = coefficients(5, 3.0)
    values[0, :, 0], values[1, :, 0] = 32767, -32767
    values[2, 3, [1, 77, 511]] = 32767, -32767, 1
    values[3] = 0
    values[4, 1] = -1
    return values


CASES = {
    "none": coefficients(0, 1.0),
    "one": coefficients(1, 3.0),
    "zeros": np.zeros((4, 13, 512), np.int16),
    "fine": coefficients(40, 20.0),
    "coarse": coefficients(500, 0.3),
    "extreme": extreme(),
    "one channel": coefficients(7, 3.0, channels=2),
}


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("coder", list(CODERS))
def test_lossless(coder: str, case: str) -> None:
    encode, decode = CODERS[coder]
    values = CASES[case]
    data = encode(values)
    decoded = decode(data, values.shape[0], values.shape[1])
    assert decoded.dtype == np.int16
    assert np.array_equal(decoded, values)


@pytest.mark.parametrize("case", ["fine", "coarse"])
def test_sizes_are_near_the_entropy_of_each_frequency(case: str) -> None:
    """Within a quarter of what one table for each frequency, itself free of charge, would give."""
    values = CASES[case]
    differences = values.astype(np.int64)
    differences[1:, :, 0] -= values[:-1, :, 0]
    bits = 0.0
    for place in range(512):
        counts = np.unique(differences[:, :, place], return_counts=True)[1]
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    sizes = {name: len(encode(values)) for name, (encode, _) in CODERS.items()}
    assert sizes["range"] < sizes["huffman"]
    assert 0.75 * bits / 8 < sizes["range"] < 1.25 * bits / 8
    assert sizes["huffman"] < 1.5 * bits / 8


@pytest.mark.parametrize("coder", list(CODERS))
def test_damaged_coefficients_are_other_coefficients_or_refused(coder: str) -> None:
    encode, decode = CODERS[coder]
    values = CASES["coarse"]
    original = encode(values)
    generator = np.random.default_rng(0)
    refused = 0
    for attempt in range(300):
        data = bytearray(original)
        if attempt % 3:
            data[generator.integers(len(data))] ^= 1 << generator.integers(8)
        else:
            del data[generator.integers(len(data)) :]
        try:
            decoded = decode(bytes(data), *values.shape[:2])
        except BitstreamError as error:
            assert str(error)
            refused += 1
        else:
            assert decoded.shape == values.shape
    assert refused > 50


def test_the_scan_visits_everything_by_diagonal() -> None:
    assert sorted(SCAN.tolist()) == list(range(512))
    sums = [n // 64 + n // 8 % 8 + n % 8 for n in SCAN]
    assert sums == sorted(sums)
    assert DIAGONAL_STARTS.tolist()[:4] == [0, 1, 4, 10]
    assert DIAGONAL_STARTS[-1] == 512
    for here, below in zip(SCAN, lower_neighbours(), strict=True):
        inside = {int(SCAN[n]) for n in below if n < 512}
        place = np.unravel_index(here, (8, 8, 8))
        expected = {int(here) - step for axis, step in enumerate((64, 8, 1)) if place[axis] > 0}
        assert inside == expected


def test_symbols_of_every_16_bit_number() -> None:
    values = np.arange(-32767, 32768).astype(np.int16)
    symbols = to_symbols(values)
    assert int(symbols.min()) == 0
    assert int(symbols.max()) == ALPHABET - 1
    assert len(np.unique(to_symbols(np.arange(-15, 16).astype(np.int16)))) == 31
    extra = extra_bits(values)
    assert np.array_equal(from_symbols(symbols, extra), values)
    for wrong in (extra[:-1], extra + b"\0"):
        with pytest.raises(BitstreamError, match="bits of large"):
            from_symbols(symbols, wrong)


def test_huffman_codes_are_optimal_and_prefix_free() -> None:
    generator = np.random.default_rng(0)
    for size in (1, 2, 3, 40, 500):
        counts = generator.integers(0, 10, size) ** 4
        counts[0] += 1
        lengths = code_lengths(counts)
        used = lengths > 0
        assert np.array_equal(used, counts > 0)
        # The cost of an optimal code is the sum of the inner nodes of Huffman's tree.
        heap, cost = [int(count) for count in counts if count], 0
        heapq.heapify(heap)
        while len(heap) > 1:
            heapq.heappush(heap, heapq.heappop(heap) + heapq.heappop(heap))
            cost += heap[0] if len(heap) == 1 else 0
        if size > 1 and used.sum() > 1:
            entropy = -(counts[used] * np.log2(counts[used] / counts.sum())).sum()
            assert entropy <= (lengths * counts).sum() <= entropy + counts.sum()
        words = [
            format(int(code), f"0{length}b")
            for code, length in zip(canonical_codes(lengths), lengths, strict=True)
            if length
        ]
        assert all(not b.startswith(a) for a in words for b in words if a is not b)


def test_very_skewed_counts_get_codes_that_are_not_too_long() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 60:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = code_lengths(np.array(fibonacci))
    assert int(lengths.max()) <= 30
    assert sum(2.0 ** -int(length) for length in lengths) <= 1


def test_impossible_huffman_tables_are_refused() -> None:
    with pytest.raises(BitstreamError, match="more codes"):
        canonical_codes(np.array([1, 1, 1], np.uint8))
    with pytest.raises(BitstreamError, match="31 bits"):
        canonical_codes(np.array([31, 1], np.uint8))
