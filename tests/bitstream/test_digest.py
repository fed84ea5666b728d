import hashlib
import struct

import numpy as np
import pytest
import torch

from nerfzip.bitstream import tensor_digest
from nerfzip.errors import BitstreamError


def test_the_hash_is_what_the_document_says() -> None:
    fed = b""
    for name, kind, shape, values in (
        (b"codes", b"int8", (2, 2), bytes([1, 2, 255, 4])),
        (b"scale", b"float32", (), struct.pack("<f", 0.5)),
    ):
        fed += struct.pack("<I", len(name)) + name + struct.pack("<I", len(kind)) + kind
        fed += struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + values
    tensors = {"scale": torch.tensor(0.5), "codes": torch.tensor([[1, 2], [-1, 4]], dtype=torch.int8)}
    assert tensor_digest(tensors) == hashlib.blake2b(fed, digest_size=16).digest()


def test_library_strides_byte_order_and_dictionary_order_do_not_matter() -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    expected = tensor_digest({"a": values, "b": np.zeros(0, dtype=bool)})
    assert tensor_digest({"b": torch.zeros(0, dtype=torch.bool), "a": torch.tensor(values)}) == expected
    assert tensor_digest({"a": np.asfortranarray(values), "b": np.zeros(0, dtype=bool)}) == expected
    assert tensor_digest({"a": values.astype(">f4"), "b": np.zeros(0, dtype=bool)}) == expected
    assert tensor_digest({"a": torch.tensor(values).mT.contiguous().mT, "b": np.zeros(0, dtype=bool)}) == expected


def test_name_type_shape_values_and_sign_matter() -> None:
    zeros = np.zeros((2, 3), dtype=np.float32)
    changed = zeros.copy()
    changed[1, 2] = np.nextafter(np.float32(0), np.float32(1))
    variants = [
        {},
        {"a": zeros},
        {"b": zeros},
        {"a": zeros, "b": zeros},
        {"a": zeros.astype(np.int32)},
        {"a": zeros.reshape(3, 2)},
        {"a": zeros.reshape(6)},
        {"a": -zeros},
        {"a": changed},
        {"ab": zeros[:0], "c": zeros},
        {"a": zeros[:0], "bc": zeros},
    ]
    assert len({tensor_digest(variant) for variant in variants}) == len(variants)


@pytest.mark.parametrize("values", [np.array([object()]), np.array(["text"]), torch.zeros(2, dtype=torch.bfloat16)])
def test_types_that_are_not_plain_numbers_are_refused(values: np.ndarray | torch.Tensor) -> None:
    with pytest.raises(BitstreamError, match="'odd'"):
        tensor_digest({"odd": values})
