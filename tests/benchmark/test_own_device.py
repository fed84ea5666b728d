"""No two tasks of a machine work on one CUDA device."""

import threading
from pathlib import Path

import pytest

from nerfzip.benchmark import own_device as module
from nerfzip.benchmark.locks import HeldError
from nerfzip.benchmark.own_device import VISIBLE, devices_to_share, own_device


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


def test_each_takes_another_device_and_the_third_waits() -> None:
    taken: list[str] = []

    def third() -> None:
        with own_device(["0", "GPU-5e/1"]) as variables:
            taken.append(variables[VISIBLE])

    with own_device(["0", "GPU-5e/1"]) as first:
        with own_device(["0", "GPU-5e/1"]) as second:
            assert [first, second] == [{VISIBLE: "0"}, {VISIBLE: "GPU-5e/1"}]
            waiting = threading.Thread(target=third)
            waiting.start()
            waiting.join(0.1)
            assert waiting.is_alive() and taken == []
        waiting.join(10)
        assert taken == ["GPU-5e/1"]


def test_without_devices_nothing_is_said() -> None:
    with own_device([]) as first, own_device([]) as second:
        assert first == second == {}


def test_what_fails_inside_is_not_taken_for_a_held_device() -> None:
    with pytest.raises(HeldError), own_device(["0", "1"]):
        raise HeldError("inside")
    with own_device(["0", "1"]) as variables:
        assert variables == {VISIBLE: "0"}


def test_visible_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    for named, expected in ((None, ["0"]), ("2,GPU-7", ["2", "GPU-7"]), ("2", []), ("", [])):
        monkeypatch.delenv(VISIBLE, raising=False)
        if named is not None:
            monkeypatch.setenv(VISIBLE, named)
        assert devices_to_share() == expected
