"""A digest of decoded tensors, by which two machines can tell that they decoded the same."""

import hashlib
import struct
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from nerfzip.bitstream.layout import DIGEST_BYTES
from nerfzip.errors import BitstreamError


class TensorDigest:
    """A 16-byte BLAKE2b hash of names, types, shapes and values, tensor by tensor, so that none need be kept.

    Each tensor adds: the length of its name (u32) and its name in UTF-8; the same for its type in numpy's spelling
    ("float32", "int8", "bool"); the number of dimensions (u32) and each dimension (u64); its values in C order. All
    numbers are little-endian. So no two different sets of tensors feed the hash the same bytes, and the device, the
    strides and the machine's byte order don't matter. Zeros of unlike sign differ.
    """

    def __init__(self) -> None:
        self._state = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._last_name: str | None = None

    def add(self, name: str, tensor: Tensor | np.ndarray) -> None:
        """Add a tensor; its name must come after that of the one before in sorted order.

        Raises:
            BitstreamError: a type that numpy can't hold as plain numbers, or a number that is not finite. So neither is
                ever written or read.
        """
        if self._last_name is not None and name <= self._last_name:
            raise ValueError(f"tensor {name!r} after {self._last_name!r}, expected sorted names")
        self._last_name = name
        try:
            array = as_array(tensor)
        except TypeError as error:
            raise BitstreamError(f"tensor {name!r}: {error}") from error
        if array.dtype.kind not in "biufc":
            raise BitstreamError(f"tensor {name!r}: type {array.dtype.name}, expected numbers")
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise BitstreamError(f"tensor {name!r}: NaN or infinity in it, expected finite numbers")
        for text in (name.encode(), array.dtype.name.encode()):
            self._state.update(struct.pack("<I", len(text)) + text)
        self._state.update(struct.pack(f"<I{array.ndim}Q", array.ndim, *array.shape))
        little_endian = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
        self._state.update(little_endian.reshape(-1).view(np.uint8).data)

    def digest(self) -> bytes:
        return self._state.digest()


def tensor_digest(tensors: Mapping[str, Tensor | np.ndarray]) -> bytes:
    """The `TensorDigest` of all tensors; of a lazy mapping, one value is held at a time.

    Raises:
        BitstreamError: a type that numpy can't hold as plain numbers, or a number that is not finite.
    """
    digest = TensorDigest()
    for name in sorted(tensors):
        digest.add(name, tensors[name])
    return digest.digest()


def as_array(values: Tensor | np.ndarray) -> np.ndarray:
    """A tensor of any device, in main memory."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values
