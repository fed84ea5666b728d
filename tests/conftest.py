"""Fixtures that several test folders use."""

import os
from pathlib import Path

import pytest
import torch

# Without a CUDA device, Triton's kernels are tested in its interpreter; it reads this when it is first imported.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of small real captures: $NERFZIP_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("NERFZIP_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no captures at {folder}; set NERFZIP_DATA")
    return folder
