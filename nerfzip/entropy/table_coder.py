"""Integers of several channels through constriction's range coder, with a stored table of frequencies for each channel.

The tables are coarse, a byte a symbol; encoder and decoder make the same probabilities of them, by integers. A value
outside the tables is coded as an escape, and stored behind as it is: so any value is possible.
"""

import struct
from collections.abc import Callable

import constriction
import numpy as np
from jaxtyping import Float, Int

from nerfzip.entropy.coarse_tables import FEW_TABLES, coarse_tables, frequencies, table_model
from nerfzip.entropy.deflate import deflate_array, inflate_array
from nerfzip.errors import BitstreamError

COUNTS = 1 << 30
"""Of what probabilities are counted in before they become coarse."""
MOST_SYMBOLS = 255
"""In a table, beside the escape: JointRF means its symbols to fit into 8 bits."""
_HEAD = struct.Struct("<iHII")

Probabilities = Callable[[int, int], Float[np.ndarray, "channels symbols"]]
"""(lowest, highest) -> the probabilities of the integers between, both included; they need not sum to one."""


def encode_with_tables(values: Int[np.ndarray, "count channels"], probabilities: Probabilities) -> bytes:
    """The tables and the values; their number is not part of the code."""
    low, high = _window(values)
    codes = coarse_tables(_counts(probabilities(low, high)), FEW_TABLES)
    tables = frequencies(codes, FEW_TABLES)
    inside = (values >= low) & (values <= high)
    escape = high - low + 1
    symbols = np.where(inside, values - low, escape).astype(np.int32)
    coder = constriction.stream.queue.RangeEncoder()
    for channel, table in enumerate(tables):
        coder.encode(np.ascontiguousarray(symbols[:, channel]), table_model(table))
    # Channels of a grid are alike.
    packed = deflate_array(np.diff(codes, axis=0, prepend=np.uint8(0)).T)
    escaped = values.T[~inside.T].astype("<i4").tobytes()
    head = _HEAD.pack(low, escape, len(packed), len(escaped) // 4)
    return head + packed + escaped + coder.get_compressed().astype("<u4").tobytes()


def histogram(values: Int[np.ndarray, "count channels"]) -> Probabilities:
    """The shares of the values themselves."""

    def probabilities(low: int, high: int) -> Float[np.ndarray, "channels symbols"]:
        clipped = np.clip(values, low, high) - low
        return np.stack([np.bincount(column, minlength=high - low + 1) / len(values) for column in clipped.T])

    return probabilities


def decode_with_tables(data: bytes, count: int, channels: int) -> Int[np.ndarray, "count channels"]:
    """The inverse of `encode_with_tables`.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    if len(data) < _HEAD.size:
        raise BitstreamError(f"coded values: {len(data)} bytes, expected at least {_HEAD.size}")
    low, symbols, table_bytes, escapes = _HEAD.unpack_from(data)
    middle = _HEAD.size + table_bytes
    start = middle + 4 * escapes
    if start > len(data) or (len(data) - start) % 4 or not 1 <= symbols <= MOST_SYMBOLS:
        raise BitstreamError("coded values: the parts do not fit into their bytes")
    tables = _read_tables(data[_HEAD.size : middle], channels, symbols)
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4", offset=start).astype(np.uint32))
    values = np.empty((count, channels), np.int32)
    try:
        for channel, table in enumerate(tables):
            values[:, channel] = decoder.decode(table_model(table), count)
    except (AssertionError, ValueError) as error:
        raise BitstreamError(f"coded values: {error}") from error
    escaped = np.frombuffer(data[middle:start], "<i4")
    outside = values == symbols
    if outside.sum() != len(escaped):
        raise BitstreamError(f"coded values: {outside.sum()} escapes, but {len(escaped)} values behind the tables")
    values += low
    values.T[outside.T] = escaped
    return values


def _window(values: Int[np.ndarray, "count channels"]) -> tuple[int, int]:
    """The range of the tables: of all values, or if that is too wide about their median."""
    if values.size == 0:
        return 0, 0
    low, high = int(values.min()), int(values.max())
    if high - low >= MOST_SYMBOLS:
        low = min(max(low, int(np.median(values)) - MOST_SYMBOLS // 2), high - MOST_SYMBOLS + 1)
        high = low + MOST_SYMBOLS - 1
    return low, high


def _counts(probabilities: Float[np.ndarray, "channels symbols"]) -> Int[np.ndarray, "channels symbols+1"]:
    """None of them zero; the last is the escape's."""
    sums = np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-30)
    counts = 1 + np.floor(COUNTS * np.maximum(probabilities, 0) / sums).astype(np.int64)
    return np.pad(counts, ((0, 0), (0, 1)), constant_values=1)


def _read_tables(data: bytes, channels: int, symbols: int) -> Int[np.ndarray, "channels symbols+1"]:
    name = "tables of coded values"
    changes = inflate_array({name: data}, name, np.uint8, (symbols + 1, channels)).T
    codes = np.cumsum(changes, axis=0, dtype=np.uint8)
    if not codes.all():
        raise BitstreamError(f"{name}: a frequency of zero")
    return frequencies(codes, FEW_TABLES)
