"""The digest of tensors as docs/bitstream.md describes it, whatever numbers they hold."""

import hashlib
import struct
from collections.abc import Mapping

import numpy as np


def documented_digest(tensors: Mapping[str, np.ndarray]) -> bytes:
    fed = b""
    for name, values in sorted(tensors.items()):
        kind, shape = values.dtype.name.encode(), values.shape
        fed += struct.pack("<I", len(name)) + name.encode() + struct.pack("<I", len(kind)) + kind
        fed += struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + values.tobytes()
    return hashlib.blake2b(fed, digest_size=16).digest()
