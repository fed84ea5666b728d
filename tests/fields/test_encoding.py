import math

import pytest
import torch

from nerfzip.fields.encoding import encode_frequencies


def test_order() -> None:
    """The values, all sines, all cosines; within each, dimension by dimension and rising in frequency."""
    values = torch.tensor([[0.1, -0.7]])
    angles = [0.1, 0.2, 0.4, -0.7, -1.4, -2.8]
    expected = [0.1, -0.7, *map(math.sin, angles), *map(math.cos, angles)]
    torch.testing.assert_close(encode_frequencies(values, 3), torch.tensor([expected]))


@pytest.mark.parametrize("frequencies", [0, 1, 4])
def test_width(frequencies: int) -> None:
    assert encode_frequencies(torch.zeros(5, 3), frequencies).shape == (5, 3 + 6 * frequencies)
