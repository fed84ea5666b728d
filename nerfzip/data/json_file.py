"""JSON files that hold an object."""

import json
from collections.abc import Mapping
from pathlib import Path

from nerfzip.errors import CaptureError


def read_json(path: Path) -> dict[str, object]:
    """The object in a file.

    Raises:
        CaptureError: the file is missing, no JSON, or holds something else.
    """
    if not path.is_file():
        raise CaptureError(f"{path}: no such file")
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CaptureError(f"{path}: not a JSON file that can be read: {error}") from error
    if not isinstance(document, dict):
        raise CaptureError(f"{path}: a JSON {type(document).__name__}, expected an object")
    return document


def required(document: Mapping[str, object], key: str, path: Path) -> object:
    """The value of a key that must be there, or CaptureError."""
    if key not in document:
        raise CaptureError(f"{path}: the key {key!r} is missing")
    return document[key]
