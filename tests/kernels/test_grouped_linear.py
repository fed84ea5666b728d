"""All groups at once, against a product for each sample."""

import pytest
import torch

from nerfzip.kernels.grouped_linear import BLOCK, Groups


@pytest.mark.parametrize(("samples", "count"), [(1, 1), (BLOCK, 1), (BLOCK + 1, 3), (500, 7), (500, 400), (0, 4)])
def test_each_sample_times_the_matrix_of_its_group(samples: int, count: int) -> None:
    torch.manual_seed(0)
    of_samples = torch.randint(count, (samples,))
    inputs = torch.randn(samples, 5, requires_grad=True)
    matrices = torch.randn(count, 5, 3, requires_grad=True)
    groups = Groups.of(of_samples, count)
    found = groups.scatter(groups.multiply(groups.gather(inputs), matrices))
    rows = [inputs[index] @ matrices[of_samples[index]] for index in range(samples)]
    expected = torch.stack(rows) if rows else inputs.new_zeros(0, 3)
    torch.testing.assert_close(found, expected)
    if samples:
        upstream = torch.randn_like(found)
        gradients = [torch.autograd.grad(each, (inputs, matrices), upstream) for each in (found, expected)]
        for ours, theirs in zip(*gradients, strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_block_holds_samples_of_one_group() -> None:
    torch.manual_seed(0)
    of_samples = torch.randint(6, (300,))
    groups = Groups.of(of_samples, 6)
    blocks = groups.gather(of_samples[:, None].float()).flatten()
    used = torch.ones(len(blocks), dtype=torch.bool)
    used[groups.unused] = False
    assert torch.equal(blocks[used], groups.of_blocks.repeat_interleave(BLOCK)[used].float())
    assert int(used.sum()) == 300
    assert len(groups.of_blocks) == sum(-(-int(count) // BLOCK) for count in torch.bincount(of_samples))


def test_slots_that_are_not_used_get_no_gradient() -> None:
    groups = Groups.of(torch.tensor([0, 1, 1]), 2)
    blocks = torch.randn(2, BLOCK, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(groups.scatter(blocks).sum(), blocks)
    assert int((gradient != 0).any(dim=2).sum()) == 3


def test_what_was_gathered_comes_back_in_order() -> None:
    values = torch.randn(100, 4)
    groups = Groups.of(torch.randint(9, (100,)), 9)
    assert torch.equal(groups.scatter(groups.gather(values)), values)
