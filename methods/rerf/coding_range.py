"""Coefficients through constriction's range coder, with integer tables for a few contexts.

First, for each block and channel, how many diagonals have anything; then the first coefficients (of a block less that
of the block before it, where this is smaller); then diagonal by diagonal the others, by contexts of what is known: the
magnitudes of the neighbours of lower frequency and of the channel before, and how many diagonals are still to come.
"""

import struct
from collections.abc import Iterator

import constriction
import numpy as np
from jaxtyping import Int, Int16, UInt8

from methods.rerf.scan import DIAGONAL_STARTS, DIAGONALS, SCAN, lower_neighbours
from methods.rerf.symbols import ALPHABET, PLAIN, ZERO, extra_bits, from_symbols, to_symbols
from nerfzip.entropy.coarse_tables import coarse_tables, frequencies, table_model
from nerfzip.entropy.deflate import deflate_array, inflate_array
from nerfzip.errors import BitstreamError

MOST_CHANNELS_PER_BYTE = 16
"""Channels of blocks. Limits what a short file can ask for; at low rates there are about 0.2."""
_LENGTH_CLASSES = np.array([0, 1, 4, 9])
_ACTIVITY_CLASSES = np.array([0, 1, 2, 3, 5, 7, 10, 14, 20, 30])
_LEFT_CLASSES = np.array([0, 1, 2, 4, 8])
_LENGTHS = DIAGONALS + 1
_NEIGHBOURS = lower_neighbours()
_CLIPPED_MAGNITUDES = np.minimum(np.abs(np.arange(ALPHABET) - ZERO), PLAIN + 1).astype(np.uint8)
"""Of each symbol, as far as contexts look."""


class _Encoder:
    """Collects the symbols of all contexts, so that the tables are known before anything is coded."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, np.ndarray]] = []

    def code(self, context: int, symbols: Int[np.ndarray, "n"] | None, count: int) -> Int[np.ndarray, "n"]:
        assert symbols is not None
        self.runs.append((context, symbols))
        return symbols


class _Decoder:
    def __init__(self, words: np.ndarray, tables: Int[np.ndarray, "contexts symbols"]) -> None:
        self.decoder = constriction.stream.queue.RangeDecoder(words)
        self.models = [table_model(row) for row in tables]

    def code(self, context: int, symbols: Int[np.ndarray, "n"] | None, count: int) -> Int[np.ndarray, "n"]:
        try:
            return self.decoder.decode(self.models[context], count)
        except (AssertionError, ValueError) as error:
            raise BitstreamError(f"the range-coded coefficients: {error}") from error


def encode_coefficients(coefficients: Int16[np.ndarray, "blocks channels 512"]) -> bytes:
    """The coded coefficients; their number is not part of the code."""
    channels = coefficients.shape[1]
    values = coefficients[:, :, SCAN].copy()
    delta = _differences_are_smaller(values[:, :, 0])
    values[1:, delta, 0] -= coefficients[:-1, delta, 0]
    symbols = to_symbols(values.reshape(-1)).reshape(values.shape)
    collected = _Encoder()
    _code(collected, symbols, channels)
    counts = np.zeros((_contexts(channels), ALPHABET), np.int64)
    for context, run in collected.runs:
        counts[context] += np.bincount(run, minlength=ALPHABET)
    codes = coarse_tables(counts)
    models = [table_model(row) for row in frequencies(codes)]
    coder = constriction.stream.queue.RangeEncoder()
    for context, run in collected.runs:
        coder.encode(run.astype(np.int32), models[context])
    tables = deflate_array(codes.T)
    extra = extra_bits(values.reshape(-1))
    words = coder.get_compressed().astype("<u4").tobytes()
    head = struct.pack("<II", len(tables), len(extra)) + np.packbits(delta).tobytes()
    code = head + tables + extra + words
    # A frame in which nothing changes takes no bits. The decoder wants to see some before it makes room for blocks.
    missing = len(coefficients) * channels // MOST_CHANNELS_PER_BYTE - len(code)
    return code + bytes(4 * -(-max(missing, 0) // 4))


def decode_coefficients(data: bytes, blocks: int, channels: int) -> Int16[np.ndarray, "blocks channels 512"]:
    """The inverse of `encode_coefficients`.

    Raises:
        BitstreamError: the data are damaged, as far as that can be seen.
    """
    flags = -(-channels // 8)
    if blocks * channels // MOST_CHANNELS_PER_BYTE > len(data):
        raise BitstreamError(f"the range-coded coefficients: {blocks} blocks in {len(data)} bytes are not possible")
    if len(data) < 8 + flags:
        raise BitstreamError(f"the range-coded coefficients: {len(data)} bytes, expected at least {8 + flags}")
    table_bytes, extra_bytes = struct.unpack("<II", data[:8])
    delta = np.unpackbits(np.frombuffer(data[8 : 8 + flags], np.uint8), count=channels).astype(bool)
    start, middle = 8 + flags + table_bytes, 8 + flags + table_bytes + extra_bytes
    words = data[middle:]
    if middle > len(data) or len(words) % 4:
        raise BitstreamError("the range-coded coefficients: their parts do not fit into their bytes")
    tables = frequencies(_tables(data[8 + flags : start], channels))
    symbols = np.full((blocks, channels, len(SCAN)), ZERO, np.uint8)
    _code(_Decoder(np.frombuffer(words, "<u4").astype(np.uint32), tables), symbols, channels)
    values = from_symbols(symbols.reshape(-1), data[start:middle]).reshape(symbols.shape)
    values[:, delta, 0] = np.cumsum(values[:, delta, 0], axis=0, dtype=np.int16)
    coefficients = np.empty_like(values)
    coefficients[:, :, SCAN] = values
    return coefficients


def _code(coder: _Encoder | _Decoder, symbols: Int[np.ndarray, "blocks channels 512"], channels: int) -> None:
    """Code the symbols, or decode and fill them in."""
    encoding = isinstance(coder, _Encoder)
    lengths = _used_diagonals(symbols != ZERO) if encoding else np.zeros(symbols.shape[:2], np.int64)
    for channel in range(channels):
        before = lengths[:, channel - 1] if channel else np.zeros(len(lengths), np.int64)
        for run in _by_class(np.searchsorted(_LENGTH_CLASSES, before, "right") - 1, len(_LENGTH_CLASSES)):
            context = channel * len(_LENGTH_CLASSES) + run.context
            lengths[run.rows, channel] = coder.code(context, lengths[run.rows, channel], len(run.rows))
    first = channels * len(_LENGTH_CLASSES)
    for channel in range(channels):
        symbols[:, channel, 0] = coder.code(first + channel, symbols[:, channel, 0], len(symbols))
    first += channels
    magnitudes = np.zeros((*symbols.shape[:2], symbols.shape[2] + 1), np.uint8)
    magnitudes[:, :, 0] = _CLIPPED_MAGNITUDES[symbols[:, :, 0]]
    for diagonal in range(1, DIAGONALS + 1):
        places = np.arange(DIAGONAL_STARTS[diagonal], DIAGONAL_STARTS[diagonal + 1])
        for channel in range(channels):
            active = (lengths[:, channel] >= diagonal).nonzero()[0]
            if len(active) == 0:
                continue
            near = magnitudes[active[:, None, None], channel, _NEIGHBOURS[places][None]].sum(axis=2, dtype=np.int64)
            if diagonal == 1:
                near //= 4  # The first coefficient is much larger than what follows.
            across = magnitudes[active[:, None], channel - 1, places[None]].astype(np.int64) if channel else 0
            activity = np.searchsorted(_ACTIVITY_CLASSES, 2 * near + 2 * across, "right") - 1
            left = np.searchsorted(_LEFT_CLASSES, lengths[active, channel] - diagonal, "right") - 1
            contexts = activity * len(_LEFT_CLASSES) + left[:, None]
            here = symbols[active[:, None], channel, places[None]].reshape(-1)
            for run in _by_class(contexts.reshape(-1), len(_ACTIVITY_CLASSES) * len(_LEFT_CLASSES)):
                here[run.rows] = coder.code(first + run.context, here[run.rows], len(run.rows))
            here = here.reshape(contexts.shape)
            symbols[active[:, None], channel, places[None]] = here
            magnitudes[active[:, None], channel, places[None]] = _CLIPPED_MAGNITUDES[here]


class _Run:
    def __init__(self, context: int, rows: Int[np.ndarray, "n"]) -> None:
        self.context = context
        self.rows = rows


def _by_class(classes: Int[np.ndarray, "n"], count: int) -> Iterator[_Run]:
    """The rows of each class that has any, in the order of the classes."""
    order = np.argsort(classes, kind="stable")
    borders = np.searchsorted(classes[order], np.arange(count + 1))
    for context in range(count):
        if borders[context] < borders[context + 1]:
            yield _Run(context, order[borders[context] : borders[context + 1]])


def _contexts(channels: int) -> int:
    return channels * (len(_LENGTH_CLASSES) + 1) + len(_ACTIVITY_CLASSES) * len(_LEFT_CLASSES)


def _used_diagonals(nonzero: np.ndarray) -> Int[np.ndarray, "blocks channels"]:
    """Behind the first coefficient; 0 if all are zero."""
    diagonal_of = np.repeat(np.arange(DIAGONALS + 1), np.diff(DIAGONAL_STARTS))
    return (nonzero * diagonal_of).max(axis=2, initial=0)


def _differences_are_smaller(first: Int16[np.ndarray, "blocks channels"]) -> np.ndarray:
    plain = np.abs(first.astype(np.int64)).sum(axis=0)
    differences = np.diff(first.astype(np.int64), axis=0, prepend=0)
    fits = np.abs(differences).max(axis=0, initial=0) <= np.iinfo(np.int16).max
    return fits & (np.abs(differences).sum(axis=0) < plain)


def _tables(data: bytes, channels: int) -> UInt8[np.ndarray, "contexts symbols"]:
    name = "tables of the coefficients"
    return inflate_array({name: data}, name, np.uint8, (ALPHABET, _contexts(channels))).T
