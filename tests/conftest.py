"""Fixtures that several test folders use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of small real captures: $NERFZIP_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("NERFZIP_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no captures at {folder}; set NERFZIP_DATA")
    return folder
