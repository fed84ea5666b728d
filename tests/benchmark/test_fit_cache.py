"""Fits are made once, and never wrong."""

import dataclasses
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from observed import pretend_version

from nerfzip.benchmark.fit_cache import cached_fit, fit_key
from nerfzip.benchmark.locks import exclusive
from nerfzip.config import build, job_configs


class Counter:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, torch.Tensor]:
        self.calls += 1
        return {"grid": torch.arange(1000.0)}


def test_a_second_call_gives_an_equal_model_of_its_own(tmp_path: Path) -> None:
    fit = Counter()
    first = cached_fit(fit, "key", tmp_path)
    first.model["grid"].zero_()
    second = cached_fit(fit, "key", tmp_path)
    assert (fit.calls, first.from_cache, second.from_cache) == (1, False, True)
    assert torch.equal(second.model["grid"], torch.arange(1000.0))
    assert second.seconds == first.seconds
    cached_fit(fit, "another key", tmp_path)
    assert fit.calls == 2


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text"])
def test_a_damaged_file_is_noticed_and_made_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    cached_fit(Counter(), "key", tmp_path)
    file = tmp_path / "key.pt"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes({"flip": bytes(data), "cut": data[:-100], "empty": b"", "text": b"x" * 99}[damage])
    fit = Counter()
    with caplog.at_level(logging.WARNING):
        assert not cached_fit(fit, "key", tmp_path).from_cache
    assert str(file) in caplog.text
    assert "damaged" in caplog.text
    assert cached_fit(fit, "key", tmp_path).from_cache
    assert fit.calls == 1


def test_a_full_disk_does_not_lose_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    fitted = cached_fit(Counter(), "key", tmp_path)
    assert torch.equal(fitted.model["grid"], torch.arange(1000.0))
    assert "No space left on device" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["key.lock"]
    # The next rate of the same process.
    again = cached_fit(Counter(), "key", tmp_path)
    assert again.from_cache
    assert torch.equal(again.model["grid"], fitted.model["grid"])


def test_of_two_at_once_one_fits_and_the_other_waits(tmp_path: Path) -> None:
    fit, fitting, may_end = Counter(), threading.Event(), threading.Event()

    def slow_fit() -> dict[str, torch.Tensor]:
        fitting.set()
        may_end.wait(10)
        return fit()

    # A lock belongs to an open file, so two threads exclude each other as two processes do.
    threads = [threading.Thread(target=cached_fit, args=(f, "key", tmp_path)) for f in (slow_fit, fit)]
    threads[0].start()
    assert fitting.wait(10)
    threads[1].start()
    threads[1].join(0.2)
    assert threads[1].is_alive()
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert fit.calls == 1


def test_a_lock_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    script = "import fcntl, sys; fcntl.flock(f := open(sys.argv[1], 'a'), 2); print('held', flush=True); input()"
    command = [sys.executable, "-c", script, str(tmp_path / "lock")]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    entered = threading.Event()

    def enter() -> None:
        with exclusive(tmp_path / "lock", waiting_for="a test"):
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.2)
    holder.send_signal(signal.SIGKILL)
    assert entered.wait(10)
    waiting.join(10)
    holder.communicate()


def test_the_key_is_what_the_fit_depends_on(tiny: list[str]) -> None:
    def key(*words: str) -> str:
        (config,) = job_configs([*tiny, *words])
        return fit_key(config, build(config.dataset_settings))

    (wrapper,) = job_configs(["method=tiny_wrapper", *tiny[1:]])
    wrapped = fit_key(wrapper, build(wrapper.dataset_settings))
    same = {key(), key("rate=coarse"), key("method.levels=9"), key("out=elsewhere"), wrapped}
    others = [key("seed=1"), key("method.base.gain=2"), key("dataset.shade=0.5")]
    assert len(same) == 1
    assert len(same | set(others)) == 4


def test_the_key_has_whose_kernels_fitted(tiny: list[str]) -> None:
    (config,) = job_configs(tiny)
    scene = build(config.dataset_settings)
    assert fit_key(dataclasses.replace(config, kernels="nerfacc"), scene) != fit_key(config, scene)


def test_the_key_has_the_versions_of_what_computes(tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (config,) = job_configs(tiny)
    scene = build(config.dataset_settings)
    before = fit_key(config, scene)
    for library, changes in (("torch", True), ("numpy", True), ("numba", True), ("rich", False)):
        with monkeypatch.context() as patch:
            pretend_version(patch, library)
            assert (fit_key(config, scene) != before) == changes, library
