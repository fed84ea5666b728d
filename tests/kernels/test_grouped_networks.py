"""All networks at once, against a loop over samples, the twin, and themselves on other numbers of threads."""

from dataclasses import dataclass

import numba
import pytest
import torch
from torch import Tensor

from nerfzip.kernels import use_twins
from nerfzip.kernels.cpu.grouped_networks import PIECE
from nerfzip.kernels.grouped_networks import grouped_networks
from tests.kernels.kernel_cases import seeded


@dataclass(frozen=True)
class Case:
    """Arguments of `grouped_networks`, and a gradient by what it returns."""

    before: Tensor
    behind: Tensor
    nodes: Tensor
    bins: Tensor
    weights: Tensor
    inputs: Tensor
    upstream: Tensor

    @staticmethod
    def random(samples: int, networks: int, bins: int, near: int, inputs: int, hidden: int, outputs: int = 3) -> "Case":
        generator = seeded(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        return Case(
            normal(networks, inputs, hidden).requires_grad_(),
            normal(networks, hidden, outputs).requires_grad_(),
            torch.randint(networks, (bins, near), generator=generator),
            torch.randint(bins, (samples,), generator=generator),
            torch.rand(samples, near, generator=generator),
            normal(samples, inputs).requires_grad_(),
            normal(samples, outputs),
        )

    def found(self) -> Tensor:
        return grouped_networks(self.before, self.behind, self.nodes, self.bins, self.weights, self.inputs)

    def looped(self) -> Tensor:
        rows = [(self.inputs[:0] @ self.before[0] @ self.behind[0]).double()]
        for n in range(len(self.inputs)):
            of_nodes = zip(self.nodes[self.bins[n]].tolist(), self.weights[n].double(), strict=True)
            sample = self.inputs[n : n + 1].double()
            shown = [
                weight * ((sample @ self.before[node].double()).relu() @ self.behind[node].double())
                for node, weight in of_nodes
            ]
            rows.append(torch.stack(shown).sum(dim=0))
        return torch.cat(rows)

    def with_gradients(self, out: Tensor) -> tuple[Tensor, ...]:
        """`out`, then its gradients by both layers and the inputs."""
        parameters = (self.before, self.behind, self.inputs)
        return out, *torch.autograd.grad(
            out, parameters, self.upstream.to(out.dtype), allow_unused=True, materialize_grads=True
        )


CASES = {
    "the paper's sizes": Case.random(500, networks=16, bins=9, near=4, inputs=47, hidden=32),
    "no samples": Case.random(0, networks=4, bins=4, near=1, inputs=5, hidden=8),
    "one sample": Case.random(1, networks=9, bins=4, near=4, inputs=24, hidden=16),
    "one network": Case.random(70, networks=1, bins=1, near=1, inputs=41, hidden=32),
    "nothing a multiple of the lanes": Case.random(61, networks=7, bins=5, near=3, inputs=13, hidden=21, outputs=2),
    "narrow": Case.random(9, networks=2, bins=3, near=1, inputs=1, hidden=1, outputs=1),
    "several pieces of one bin": Case.random(3 * PIECE + 5, networks=4, bins=1, near=4, inputs=9, hidden=17),
    "most bins empty": Case.random(40, networks=30, bins=300, near=4, inputs=6, hidden=40, outputs=9),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_all_networks_at_once_are_a_loop_over_samples(case: Case) -> None:
    for ours, theirs in zip(case.with_gradients(case.found()), case.with_gradients(case.looped()), strict=True):
        torch.testing.assert_close(ours, theirs.float(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_kernel_and_twin_agree(case: Case) -> None:
    with use_twins():
        expected = case.with_gradients(case.found())
    for ours, theirs in zip(case.with_gradients(case.found()), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    case, threads = CASES["the paper's sizes"], numba.get_num_threads()
    try:
        results = []
        for active in sorted({1, min(2, threads)}):
            numba.set_num_threads(active)
            results.append(case.with_gradients(case.found()))
    finally:
        numba.set_num_threads(threads)
    for first, last in zip(results[0], results[-1], strict=True):
        assert torch.equal(first, last)


def test_arguments_need_not_be_contiguous() -> None:
    case = CASES["one network"]
    across = [each.transpose(-2, -1).contiguous().transpose(-2, -1) for each in (case.before, case.behind, case.inputs)]
    out = grouped_networks(across[0], across[1], case.nodes, case.bins, case.weights, across[2])
    for ours, theirs in zip(case.with_gradients(out), case.with_gradients(case.found()), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_what_is_not_a_number_stays_so() -> None:
    case = CASES["one network"]
    spoiled = case.inputs.detach().clone()
    spoiled[3] = torch.nan
    out = grouped_networks(case.before, case.behind, case.nodes, case.bins, case.weights, spoiled)
    assert out.isnan().all(dim=1).nonzero().flatten().tolist() == [3]
