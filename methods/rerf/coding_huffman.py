"""Coefficients as JPEG codes them: differences of the first ones, runs of zeros, Huffman codes made for each frame.

ReRF's own coder is public as a compiled library only; the names of its functions say what is done here (sheet
baselines.md §4). A symbol is a run of zeros (0 to 15) and the number of bits of the value behind it; those bits follow,
negative values as their complement. (15, 0) are sixteen zeros, (0, 0) ends a block.
"""

import numba
import numpy as np
from jaxtyping import Int16, Int64, UInt8

from methods.rerf.scan import SCAN
from nerfzip.entropy.huffman import LONGEST, canonical_codes, code_lengths
from nerfzip.errors import BitstreamError

_FIRST, _OTHERS = 0, 1
_SIZES = 32
"""Room for the bits of a value: differences of 16-bit integers need 17."""
_SYMBOLS = 16 * _SIZES
_END, _SIXTEEN_ZEROS = 0, 15 * _SIZES
_TABLES = 4
"""For first and other coefficients, of the density and of the features."""


def encode_coefficients(coefficients: Int16[np.ndarray, "blocks channels 512"]) -> bytes:
    """The coded coefficients with their tables; their number is not part of the code."""
    values = coefficients[:, :, SCAN].astype(np.int64)
    values[1:, :, 0] -= coefficients[:-1, :, 0]
    tokens = _tokens(values)
    lengths = np.zeros((_TABLES, _SYMBOLS), np.uint8)
    codes = np.zeros((_TABLES, _SYMBOLS), np.int64)
    for table in range(_TABLES):
        lengths[table] = code_lengths(np.bincount(tokens[tokens[:, 0] == table, 1], minlength=_SYMBOLS))
        codes[table] = canonical_codes(lengths[table])
    return _pack_tables(lengths) + _write(tokens, lengths, codes).tobytes()


def decode_coefficients(data: bytes, blocks: int, channels: int) -> Int16[np.ndarray, "blocks channels 512"]:
    """The inverse of `encode_coefficients`.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    if blocks * channels > 8 * len(data):
        raise BitstreamError(f"the Huffman-coded coefficients: {blocks} blocks in {len(data)} bytes are not possible")
    lengths, start = _unpack_tables(data)
    symbols = np.zeros((_TABLES, _SYMBOLS), np.int64)
    first_codes = np.zeros((_TABLES, LONGEST + 2), np.int64)
    first_ranks = np.zeros((_TABLES, LONGEST + 2), np.int64)
    for table in range(_TABLES):
        codes = canonical_codes(lengths[table])
        order = np.lexsort((np.arange(_SYMBOLS), lengths[table]))
        order = order[lengths[table][order] > 0]
        symbols[table, : len(order)] = order
        for length in range(1, LONGEST + 1):
            same = order[lengths[table][order] == length]
            first_ranks[table, length] = np.searchsorted(lengths[table][order], length)
            first_codes[table, length] = codes[same[0]] if len(same) else 1 << 40
        first_ranks[table, LONGEST + 1] = len(order)
    values = np.zeros((blocks, channels, len(SCAN)), np.int64)
    bits = np.frombuffer(data, np.uint8)[start:]
    if not _read(bits, values, symbols, first_codes, first_ranks):
        raise BitstreamError("the Huffman-coded coefficients do not end with their data")
    values[:, :, 0] = np.cumsum(values[:, :, 0], axis=0)
    if np.abs(values).max(initial=0) > np.iinfo(np.int16).max:
        raise BitstreamError("a Huffman-coded coefficient has more than 16 bits")
    coefficients = np.empty(values.shape, np.int16)
    coefficients[:, :, SCAN] = values
    return coefficients


def _pack_tables(lengths: UInt8[np.ndarray, "tables symbols"]) -> bytes:
    """As in JPEG: for each table how many codes there are of each length, then their symbols."""
    parts = []
    for row in lengths:
        counts = np.bincount(row, minlength=LONGEST + 1)[1:]
        order = np.lexsort((np.arange(len(row)), row))
        parts += [counts.astype("<u2").tobytes(), order[row[order] > 0].astype("<u2").tobytes()]
    return b"".join(parts)


def _unpack_tables(data: bytes) -> tuple[UInt8[np.ndarray, "tables symbols"], int]:
    lengths = np.zeros((_TABLES, _SYMBOLS), np.uint8)
    start = 0
    for table in range(_TABLES):
        counts = np.frombuffer(data[start : start + 2 * LONGEST], np.uint8)
        start += 2 * LONGEST
        if len(counts) != 2 * LONGEST or int(counts.view("<u2").astype(np.int64).sum()) > _SYMBOLS:
            raise BitstreamError("the Huffman tables are incomplete or too large")
        codes = np.repeat(np.arange(1, LONGEST + 1), counts.view("<u2"))
        symbols = np.frombuffer(data[start : start + 2 * len(codes)], np.uint8)
        start += 2 * len(codes)
        if len(symbols) != 2 * len(codes) or symbols.view("<u2").max(initial=0) >= _SYMBOLS:
            raise BitstreamError("the Huffman tables are incomplete or name an unknown symbol")
        lengths[table, symbols.view("<u2")] = codes
    return lengths, start


@numba.njit(cache=True, nogil=True)
def _bits_of(value: int) -> int:
    magnitude, bits = abs(value), 0
    while magnitude:
        magnitude >>= 1
        bits += 1
    return bits


@numba.njit(cache=True, nogil=True)
def _tokens(values: Int64[np.ndarray, "blocks channels 512"]) -> Int64[np.ndarray, "tokens 3"]:
    """Table, symbol and value of each code, in the order of coding."""
    blocks, channels, size = values.shape
    tokens = np.empty((blocks * channels * (size + 1), 3), np.int64)
    count = 0
    for block in range(blocks):
        for channel in range(channels):
            kind = 0 if channel == 0 else 2
            row = values[block, channel]
            tokens[count, 0], tokens[count, 1], tokens[count, 2] = kind + _FIRST, _bits_of(row[0]), row[0]
            count += 1
            last = size - 1
            while last > 0 and row[last] == 0:
                last -= 1
            zeros = 0
            for place in range(1, last + 1):
                if row[place] == 0:
                    zeros += 1
                    continue
                while zeros >= 16:
                    tokens[count, 0], tokens[count, 1], tokens[count, 2] = kind + _OTHERS, _SIXTEEN_ZEROS, 0
                    count += 1
                    zeros -= 16
                tokens[count, 0], tokens[count, 2] = kind + _OTHERS, row[place]
                tokens[count, 1] = zeros * _SIZES + _bits_of(row[place])
                count += 1
                zeros = 0
            if last < size - 1:
                tokens[count, 0], tokens[count, 1], tokens[count, 2] = kind + _OTHERS, _END, 0
                count += 1
    return tokens[:count]


@numba.njit(cache=True, nogil=True)
def _write(
    tokens: Int64[np.ndarray, "tokens 3"],
    lengths: UInt8[np.ndarray, "tables symbols"],
    codes: Int64[np.ndarray, "tables symbols"],
) -> UInt8[np.ndarray, "bytes"]:
    total = 0
    for n in range(len(tokens)):
        total += lengths[tokens[n, 0], tokens[n, 1]] + tokens[n, 1] % 32
    out = np.zeros((total + 7) // 8, np.uint8)
    position = 0
    for n in range(len(tokens)):
        table, symbol, value = tokens[n, 0], tokens[n, 1], tokens[n, 2]
        size = symbol % 32
        length = np.int64(lengths[table, symbol])
        extra = value if value >= 0 else value + (1 << size) - 1
        word = (codes[table, symbol] << size) | extra
        for place in range(length + size - 1, -1, -1):
            out[position >> 3] |= ((word >> place) & 1) << (7 - (position & 7))
            position += 1
    return out


@numba.njit(cache=True, nogil=True)
def _read(
    data: UInt8[np.ndarray, "bytes"],
    values: Int64[np.ndarray, "blocks channels 512"],
    symbols: Int64[np.ndarray, "tables symbols"],
    first_codes: Int64[np.ndarray, "tables lengths"],
    first_ranks: Int64[np.ndarray, "tables lengths"],
) -> bool:
    """Fill `values`; false where the data end too early, go on, or hold what no encoder writes."""
    blocks, channels, size = values.shape
    available = 8 * len(data)
    position = 0
    for block in range(blocks):
        for channel in range(channels):
            kind = 0 if channel == 0 else 2
            place = 0
            while place < size:
                table = kind + (0 if place == 0 else 1)
                code, length, symbol = 0, 0, -1
                while symbol < 0:
                    if position >= available or length >= LONGEST:
                        return False
                    code = code * 2 + ((data[position >> 3] >> (7 - (position & 7))) & 1)
                    position += 1
                    length += 1
                    rank = first_ranks[table, length] + code - first_codes[table, length]
                    if code >= first_codes[table, length] and rank < first_ranks[table, length + 1]:
                        symbol = symbols[table, rank]
                zeros, bits = symbol // 32, symbol % 32
                if position + bits > available:
                    return False
                extra = 0
                for _ in range(bits):
                    extra = extra * 2 + ((data[position >> 3] >> (7 - (position & 7))) & 1)
                    position += 1
                if place == 0:
                    if zeros:
                        return False
                elif symbol == _END:
                    break
                elif symbol == _SIXTEEN_ZEROS:
                    place += 16
                    continue
                place += zeros
                if place >= size or (bits == 0 and place > 0):
                    return False
                if bits:
                    values[block, channel, place] = extra if extra >> (bits - 1) else extra - (1 << bits) + 1
                place += 1
    return position + 8 > available
