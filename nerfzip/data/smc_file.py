"""DNA-Rendering's `.smc` files: HDF5 with images as encoded bytes (sheet `datasets`, section 9)."""

import io
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from nerfzip.errors import CaptureError


class SmcFile:
    """An open file. Numbers in its paths are found with and without zero padding: releases differ.

    Raises, in all of its methods:
        CaptureError: the file or a key in it is missing, damaged, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise CaptureError(f"{path}: no such file")
        self.path = path
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise CaptureError(f"{path}: not an HDF5 file that can be read: {error}") from error

    def __enter__(self) -> "SmcFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def numbers(self, *keys: str | int) -> list[int]:
        """The members of a group that are numbers, ascending."""
        group = self._member(keys)
        if not isinstance(group, h5py.Group):
            raise CaptureError(f"{self.where(*keys)}: a data set, expected a group")
        return sorted(int(name) for name in group if name.isdecimal())

    def array(self, *keys: str | int) -> np.ndarray:
        """The values of a data set."""
        member = self._member(keys)
        if not isinstance(member, h5py.Dataset):
            raise CaptureError(f"{self.where(*keys)}: a group, expected a data set")
        try:
            return np.asarray(member[()])
        except (OSError, RuntimeError) as error:
            raise CaptureError(f"{self.where(*keys)}: damaged: {error}") from error

    def where(self, *keys: str | int) -> str:
        """How errors name a member."""
        return f"{self.path}, {_name(keys)}"

    def pixels(self, *keys: str | int) -> UInt8[np.ndarray, "height width 3"]:
        """The RGB pixels of an image."""
        try:
            return np.asarray(_open(self.encoded(*keys), self.where(*keys)).convert("RGB"))
        except CaptureError:
            raise
        except Exception as error:  # Pillow's decoders raise almost anything on damaged data.
            raise CaptureError(f"{self.where(*keys)}: the image is truncated or damaged: {error}") from error

    def encoded(self, *keys: str | int) -> bytes:
        """The bytes of an image file."""
        return self.array(*keys).tobytes()

    def _member(self, keys: tuple[str | int, ...]) -> object:
        member: object = self._file
        for depth, key in enumerate(keys):
            if not isinstance(member, h5py.Group):
                raise CaptureError(f"{self.where(*keys[:depth])}: a data set, expected a group")
            names = (str(key), f"{key:02d}") if isinstance(key, int) else (key,)
            try:
                member = next((member[name] for name in names if name in member), None)
            except (OSError, RuntimeError, KeyError) as error:
                raise CaptureError(f"{self.where(*keys[: depth + 1])}: damaged: {error}") from error
            if member is None:
                raise CaptureError(f"{self.path}: the key {_name(keys[: depth + 1])!r} is missing")
        return member


def encoded_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height of an encoded image, from its header, or CaptureError naming `where`."""
    return _open(data, where).size


def check_encoded_size(data: bytes, size: tuple[int, int], where: str) -> None:
    """Raise CaptureError, naming `where`, unless the header of an encoded image says this width and height."""
    found = encoded_size(data, where)
    if found != size:
        raise CaptureError(f"{where}: the image is {found[0]}×{found[1]} pixels, expected {size[0]}×{size[1]}")


def _open(data: bytes, where: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data))
    except Exception as error:  # As above.
        raise CaptureError(f"{where}: not an image that can be read: {error}") from error


def _name(keys: tuple[str | int, ...]) -> str:
    return "/".join(str(key) for key in keys)
