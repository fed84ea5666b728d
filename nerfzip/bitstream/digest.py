"""A digest of decoded tensors, by which two machines can tell that they decoded the same."""

import hashlib
import struct
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from nerfzip.bitstream.layout import DIGEST_BYTES
from nerfzip.errors import BitstreamError


def tensor_digest(tensors: Mapping[str, Tensor | np.ndarray]) -> bytes:
    """A 16-byte BLAKE2b hash of names, types, shapes and values.

    In sorted order of the names, each tensor adds: the length of its name (u32) and its name in UTF-8; the same for its
    type in numpy's spelling ("float32", "int8", "bool"); the number of dimensions (u32) and each dimension (u64); its
    values in C order. All numbers are little-endian. So no two different sets of tensors feed the hash the same bytes,
    and the device, the strides and the machine's byte order don't matter. Zeros of unlike sign differ.

    Raises:
        BitstreamError: a type that numpy can't hold as plain numbers, or a number that is not finite. So neither is
            ever written or read.
    """
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for name in sorted(tensors):
        try:
            array = _as_array(tensors[name])
        except TypeError as error:
            raise BitstreamError(f"tensor {name!r}: {error}") from error
        if array.dtype.kind not in "biufc":
            raise BitstreamError(f"tensor {name!r}: type {array.dtype.name}, expected numbers")
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise BitstreamError(f"tensor {name!r}: NaN or infinity in it, expected finite numbers")
        for text in (name.encode(), array.dtype.name.encode()):
            state.update(struct.pack("<I", len(text)) + text)
        state.update(struct.pack(f"<I{array.ndim}Q", array.ndim, *array.shape))
        little_endian = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
        state.update(little_endian.reshape(-1).view(np.uint8).data)
    return state.digest()


def _as_array(values: Tensor | np.ndarray) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values
