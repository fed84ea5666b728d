import math

import numpy as np
import pytest
import torch
from documented_digest import documented_digest

from nerfzip.bitstream import tensor_digest
from nerfzip.errors import BitstreamError


def test_the_hash_is_what_the_document_says() -> None:
    tensors = {"scale": torch.tensor(0.5), "codes": torch.tensor([[1, 2], [-1, 4]], dtype=torch.int8)}
    assert tensor_digest(tensors) == documented_digest({name: tensor.numpy() for name, tensor in tensors.items()})


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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(dtype: type, bad: float) -> None:
    values = np.zeros((3, 2), dtype)
    assert tensor_digest({"odd": values})
    values[2, 1] = bad
    with pytest.raises(BitstreamError, match="'odd': NaN or infinity"):
        tensor_digest({"even": np.zeros(2, np.int8), "odd": values})
