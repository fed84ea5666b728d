"""What tests look at, and pretend, around a job."""

from pathlib import Path

import pytest

from nerfzip.benchmark import environment


def fit_count(folder: Path) -> int:
    """How many fits were made."""
    file = folder / "fits"
    return len(file.read_text().splitlines()) if file.exists() else 0


def pretend_version(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Another version of a library was there when this process started."""
    version = environment._version
    monkeypatch.setattr(environment, "_version", lambda name: "99.0" if name == library else version(name))
