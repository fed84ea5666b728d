"""The header section: which method wrote the file, and its settings, as compact JSON."""

import json
import math
import zlib
from typing import Any

from nerfzip.bitstream.layout import MAX_JSON_BYTES, check_name
from nerfzip.errors import BitstreamError

MAX_DEPTH = 16

_PLAIN = b"\x00"
_DEFLATED = b"\x01"


def encode_header(method: str, header: dict[str, Any]) -> bytes:
    """The payload of the header section.

    Raises:
        BitstreamError: the header is not plain JSON (string keys; finite numbers; lists, not tuples) or over a limit.
    """
    check_name(method, "the method")
    try:
        text = json.dumps([method, header], ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BitstreamError(f"the header can't be written as JSON: {error}") from error
    compressor = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(text) + compressor.flush()
    payload = _DEFLATED + deflated if len(deflated) < len(text) else _PLAIN + text
    if decode_header(payload) != (method, header):
        raise BitstreamError("the header changes when written as JSON: keys must be strings, sequences lists")
    return payload


def decode_header(payload: bytes) -> tuple[str, dict[str, Any]]:
    """Method name and header.

    Raises:
        BitstreamError: not the JSON that `encode_header` writes, or over a limit.
    """
    try:
        content = json.loads(_inflate(payload), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
        _check(content, depth=0)
    except (ValueError, RecursionError, zlib.error) as error:
        raise BitstreamError(f"section 'header': {error}") from error
    if not (isinstance(content, list) and [type(item) for item in content] == [str, dict]):
        raise BitstreamError("section 'header': expected a list of the method's name and an object")
    method, header = content
    check_name(method, "section 'header': the method")
    return method, header


def _inflate(payload: bytes) -> str:
    encoding, text = payload[:1], payload[1:]
    if encoding == _DEFLATED:
        decompressor = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        text = decompressor.decompress(text, MAX_JSON_BYTES + 1)
        if len(text) <= MAX_JSON_BYTES and (not decompressor.eof or decompressor.unused_data):
            raise ValueError("the deflated JSON does not end with the section")
    elif encoding != _PLAIN:
        raise ValueError(f"starts with {encoding!r}, expected the byte 0 (plain JSON) or 1 (deflated)")
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"more than {MAX_JSON_BYTES} bytes of JSON")
    return text.decode("utf-8")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key occurs twice in one object")
    return content


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"the number {constant}, expected finite numbers")


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str):
        value.encode()  # JSON escapes can make half a surrogate pair, which can't be printed.
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number beyond float64, expected finite numbers")
