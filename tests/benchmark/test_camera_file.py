"""Cameras survive their file; other files are refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nerfzip.benchmark.camera_file import read_cameras, write_cameras
from nerfzip.errors import NerfzipError
from nerfzip.geometry import Cameras


def test_cameras_come_back_to_the_bit(tmp_path: Path) -> None:
    cameras = Cameras(torch.rand(3, 4, 4), torch.rand(3, 4), 40, 30)
    write_cameras(tmp_path / "cameras.npz", cameras)
    back = read_cameras(tmp_path / "cameras.npz")
    assert torch.equal(back.camera_to_world, cameras.camera_to_world)
    assert torch.equal(back.intrinsics, cameras.intrinsics)
    assert (back.width, back.height) == (40, 30)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"text", None])
def test_other_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "cameras.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NerfzipError, match=r"cameras\.npz"):
        read_cameras(file)


def test_a_file_without_poses_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", size=np.array([1, 2]))
    with pytest.raises(NerfzipError, match="camera_to_world"):
        read_cameras(tmp_path / "other.npz")
