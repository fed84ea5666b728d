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
    monkeypatch.setattr(doctor, "CASES", cases)
    return cases


def test_it_says_what_there_is_and_that_kernels_agree(
    two_kernels: dict[str, self_test.Case], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--all"]) == 0
    said = capsys.readouterr().out
    assert f"torch {torch.__version__.partition('+')[0]}" in said
    assert said.count("agrees") == 2 * (1 + torch.cuda.is_available())


def test_a_kernel_that_computes_something_else_is_named(
    two_kernels: dict[str, self_test.Case], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = iter(range(100))
    monkeypatch.setitem(two_kernels, "nearest code", lambda device: (torch.tensor(float(next(results))),))
    assert main(["doctor", "--all"]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "nearest code" in line][:1]
    assert "AssertionError" in line and "agrees" not in line


def test_after_ten_seconds_it_stops(
    two_kernels: dict[str, self_test.Case], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "LIMIT", 0.0)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "nearest code" in said and "not tested" in said and "nerfzip doctor --all" in said
