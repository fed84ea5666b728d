import pytest
import torch
from scipy.ndimage import grey_dilation

from nerfzip.sampling import Occupancy
from nerfzip.sampling.occupancy import dilated_maximum


def test_the_mask_and_its_blocks() -> None:
    mask = torch.zeros(9, 4, 5, dtype=torch.bool)
    mask[8, 0, 4] = True
    occupancy = Occupancy.of(mask)
    assert torch.equal(occupancy.mask, mask.to(torch.uint8))
    assert occupancy.blocks.tolist() == [[[2, 2]], [[1, 1]], [[1, 0]]]


def test_a_mask_of_any_memory_layout() -> None:
    mask = torch.rand(5, 6, 7, generator=torch.Generator().manual_seed(0)) < 0.1
    turned = Occupancy.of(mask.permute(2, 0, 1))
    assert turned.mask.is_contiguous()
    assert torch.equal(turned.blocks, Occupancy.of(mask).blocks.permute(2, 0, 1))


def test_full() -> None:
    occupancy = Occupancy.full((3, 4, 5))
    assert bool(occupancy.mask.all())
    assert not occupancy.blocks.any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 2), (6, 7, 8)])
def test_dilation_is_that_of_scipy(shape: tuple[int, int, int]) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    before = values.clone()
    expected = grey_dilation(values.numpy(), size=(3, 3, 3), mode="nearest")
    assert torch.equal(dilated_maximum(values), torch.from_numpy(expected))
    assert torch.equal(values, before)
    assert torch.equal(dilated_maximum(values > 0.9), torch.from_numpy(expected > 0.9))
