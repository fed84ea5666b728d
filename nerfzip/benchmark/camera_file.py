"""Cameras in a file: with the bitstream, all that the decoder of a benchmark is given."""

import io
import zipfile
from pathlib import Path

import numpy as np
import torch

from nerfzip.errors import NerfzipError
from nerfzip.files import write_atomically
from nerfzip.geometry import Cameras


def write_cameras(path: Path, cameras: Cameras) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        camera_to_world=cameras.camera_to_world.cpu().numpy(),
        intrinsics=cameras.intrinsics.cpu().numpy(),
        size=np.array([cameras.width, cameras.height]),
    )
    write_atomically(path, buffer.getvalue())


def read_cameras(path: Path) -> Cameras:
    """The cameras that `write_cameras` wrote.

    Raises:
        NerfzipError: the file is missing, damaged or not of this kind.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            width, height = arrays["size"].tolist()
            poses = torch.from_numpy(arrays["camera_to_world"])
            return Cameras(poses, torch.from_numpy(arrays["intrinsics"]), width, height)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise NerfzipError(f"{path}: can't be read as a file of cameras: {error}") from error
