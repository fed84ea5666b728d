"""Integers of several channels through constriction's range coder, with a stored table of frequencies for each channel.

The tables are integers that sum to a power of two, so encoder and decoder have the same probabilities to the bit. A
value outside the tables is coded as an escape, and stored behind as it is: so any value is possible.
"""

import struct
from collections.abc import Callable

import constriction
import numpy as np
from jaxtyping import Float, Int

from nerfzip.entropy.deflate import deflate_array, inflate_array
from nerfzip.errors import BitstreamError

TOTAL = 1 << 16
"""Of a channel's frequencies."""
MOST_SYMBOLS = 255
"""In a table, beside the escape: JointRF means its symbols to fit into 8 bits."""
_HEAD = struct.Struct("<iHII")

Probabilities = Callable[[int, int], Float[np.ndarray, "channels symbols"]]
"""(lowest, highest) -> the probabilities of the integers between, both included; they need not sum to one."""


def encode_with_tables(values: Int[np.ndarray, "count channels"], probabilities: Probabilities) -> bytes:
    """The tables and the values; their number is not part of the code."""
    low, high = _window(values)
    tables = _frequencies(probabilities(low, high))
    inside = (values >= low) & (values <= high)
    escape = high - low + 1
    symbols = np.where(inside, values - low, escape).astype(np.int32)
    coder = constriction.stream.queue.RangeEncoder()
    for channel, frequencies in enumerate(tables):
        coder.encode(np.ascontiguousarray(symbols[:, channel]), _model(frequencies))
    packed = deflate_array(tables[:, :-1].astype(np.uint16))
    escaped = values.T[~inside.T].astype("<i4").tobytes()
    head = _HEAD.pack(low, escape, len(packed), len(escaped) // 4)
    return head + packed + escaped + coder.get_compressed().astype("<u4").tobytes()


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
        for channel, frequencies in enumerate(tables):
            values[:, channel] = decoder.decode(_model(frequencies), count)
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


def _frequencies(probabilities: Float[np.ndarray, "channels symbols"]) -> Int[np.ndarray, "channels symbols+1"]:
    """Integers that sum to TOTAL in each channel, none of them zero; the last is the escape's."""
    with_escape = np.pad(np.maximum(probabilities, 0), ((0, 0), (0, 1)))
    room = TOTAL - with_escape.shape[1]
    sums = with_escape.sum(axis=1, keepdims=True)
    frequencies = 1 + np.floor(room * with_escape / np.maximum(sums, 1e-30)).astype(np.int64)
    frequencies[np.arange(len(frequencies)), frequencies.argmax(axis=1)] += TOTAL - frequencies.sum(axis=1)
    return frequencies


def _read_tables(data: bytes, channels: int, symbols: int) -> Int[np.ndarray, "channels symbols+1"]:
    name = "tables of coded values"
    stored = inflate_array({name: data}, name, np.uint16, (channels, symbols)).astype(np.int64)
    escapes = TOTAL - stored.sum(axis=1, keepdims=True)
    tables = np.concatenate([stored, escapes], axis=1)
    if (tables < 1).any():
        raise BitstreamError(f"{name}: frequencies that do not sum to {TOTAL}")
    return tables


def _model(frequencies: Int[np.ndarray, "symbols"]) -> "constriction.stream.model.Categorical":
    """Multiples of a power of two, which the coder's fixed-point numbers hold exactly."""
    return constriction.stream.model.Categorical(frequencies / TOTAL, perfect=False)
