"""A digest of a capture: what a cached result depends on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def fingerprint(settings: Mapping[str, object], files: Iterable[Path], parts: Iterable[tuple[str, bytes]] = ()) -> str:
    """SHA-256, in hex, over the loader's settings, and the name and content of each file, in order.

    Folders and times do not enter, so a copy of a capture has the same fingerprint. Names do: NSVF's name the split.

    Args:
        settings: what JSON can hold.
        parts: name and content of those parts of larger files that were read.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"\n{path.name}\0{content}".encode())
    for name, data in parts:
        digest.update(f"\n{name}\0{hashlib.sha256(data).hexdigest()}".encode())
    return digest.hexdigest()
