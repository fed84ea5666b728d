"""`nerfzip doctor`."""

import pytest
import torch

from nerfzip.cli import main
from nerfzip.commands import doctor
from nerfzip.kernels import self_test


@pytest.fixture
def two_kernels(monkeypatch: pytest.MonkeyPatch) -> dict[str, self_test.Case]:
    """All of them take long to compile, and have tests of their own."""
    cases = {name: self_test.CASES[name] for name in ("volume rendering", "nearest code")}
    monkeypatch.setattr(self_test, "CASES", cases)
    monkeypatch.setattr(self_test, "ON_CUDA", {})
    return cases


def test_it_says_what_there_is_and_that_kernels_agree(
    two_kernels: dict[str, self_test.Case], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--all"]) == 0
    said = capsys.readouterr().out
    assert f"torch {torch.__version__.partition('+')[0]}" in said
    assert "triton " in said
    assert "kernels=nerfacc: " in said
    assert ("cuda:0: " in said) == torch.cuda.is_available() != ("cuda: none: " in said)
    assert said.count("agrees") == 2 * (1 + torch.cuda.device_count())
    assert "numba" in said


def test_a_kernel_that_computes_something_else_is_named(
    two_kernels: dict[str, self_test.Case], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = iter(range(100))
    monkeypatch.setitem(two_kernels, "nearest code", lambda device: (torch.tensor(float(next(results))),))
    assert main(["doctor", "--all"]) == 1
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if "nearest code" in line][:1]
    assert "AssertionError" in line and "agrees" not in line
    assert "do not compute what they should" in said


def test_after_ten_seconds_it_stops_and_says_what_it_did_not_test(
    two_kernels: dict[str, self_test.Case], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "LIMIT", 0.0)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "nearest code" in said and "not tested" in said and "nerfzip doctor --all" in said


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as PyTorch says."""

    class Properties:
        total_memory, major, minor = 80 * 2**30, 9, 0

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU of {device}")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Properties)
    monkeypatch.setattr(doctor, "triton_problem", lambda: None)


@pytest.mark.usefixtures("two_gpus")
def test_each_gpu_is_named_and_tested(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tested = []

    def case(device: str) -> tuple[torch.Tensor, ...]:
        tested.append(device)
        return (torch.zeros(1),)

    monkeypatch.setattr(self_test, "CASES", {"a kernel": case})
    monkeypatch.setattr(self_test, "ON_CUDA", {"another": case})
    monkeypatch.setattr(self_test, "form_for", lambda tensor: "cuda")
    monkeypatch.setattr(torch, "zeros", lambda *size, device=None: torch.ones(*size))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "cuda:1: GPU of cuda:1, 80 GiB, compute capability 9.0" in said
    # Each kernel and its twin.
    assert tested == [device for device in ("cuda:0", "cuda:0", "cpu", "cuda:1", "cuda:1") for _ in range(2)]
    assert "Triton" in said


@pytest.mark.usefixtures("two_gpus")
def test_without_triton_nothing_is_said_to_agree(
    two_kernels: dict[str, self_test.Case], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "triton_problem", lambda: "Failed to find C compiler")
    monkeypatch.setattr(doctor, "_devices", lambda: ["cuda:0"])
    monkeypatch.setattr(self_test, "CASES", {"a kernel": lambda device: (torch.ones(1),)})
    monkeypatch.setattr(self_test, "form_for", lambda tensor: "twin")
    monkeypatch.setattr(torch, "zeros", lambda *size, device=None: torch.ones(*size))
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "kernels on CUDA are their pure-torch twins: Failed to find C compiler" in said
    assert "is its twin" in said and "agrees" not in said


def test_a_gpu_that_can_not_be_used_is_none(
    two_kernels: dict[str, self_test.Case], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The driver's library counts cards that PyTorch can do nothing with."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["doctor", "--all"]) == 0
    assert "cuda: none: " in capsys.readouterr().out
