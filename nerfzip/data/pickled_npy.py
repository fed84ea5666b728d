"""Pickled objects in `.npy` files, read without running what the pickle names."""

import io
import math
import pickle
import pickletools
import re
from pathlib import Path

import numpy as np

from nerfzip.errors import CaptureError

NUMBERS_AND_TEXT = re.compile(r"[<>|=](b1|[iuf]\d{1,2}|U\d{1,6})")
"""Types of elements, as NumPy writes them with their byte order."""
PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
"""Opcodes that name a place in the unpickler's memo, which grows to hold it."""


def read_pickled_npy(path: Path) -> object:
    """The one object that `numpy.save` pickled into a file.

    Nothing is imported and no function of NumPy's is called by the pickle: the few names that arrays and scalars need
    stand for replacements of ours. Arrays become nested lists (one without axes a list of one), scalars Python's.

    Raises:
        CaptureError: the file is missing, damaged, holds something else, or names anything but arrays and scalars.
    """
    if not path.is_file():
        raise CaptureError(f"{path}: no such file")
    try:
        data = io.BytesIO(path.read_bytes())
        shape, dtype = _read_header(data)
        if shape == () and dtype.kind == "O":
            _check_memo(data)
            found = _Unpickler(data, path).load()
            if isinstance(found, _Array) and len(found) == 1:
                return found[0]
    except CaptureError:
        raise
    except Exception as error:  # An unpickler raises almost anything on damaged data.
        raise CaptureError(f"{path}: not a NumPy file that can be read: {error}") from error
    raise CaptureError(f"{path}: an array of {dtype} with shape {shape}, expected one pickled object")


def read_npy(path: Path) -> np.ndarray:
    """The array in a file; nothing is unpickled.

    Raises:
        CaptureError: the file is missing, damaged, or holds pickled objects.
    """
    if not path.is_file():
        raise CaptureError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # NumPy raises almost anything on damaged data.
        raise CaptureError(f"{path}: not a NumPy file that can be read: {error}") from error


def _read_header(data: io.BytesIO) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(data)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(data)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(data)
    return shape, dtype


def _check_memo(data: io.BytesIO) -> None:
    """Raise ValueError where damage would make the memo larger than the file: gigabytes for a few bytes."""
    start, size = data.tell(), len(data.getbuffer())
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in PUTS and int(argument or 0) > size:
            raise ValueError(f"the pickle puts an object at {argument}, but has only {size} bytes")
    data.seek(start)


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: io.BytesIO, path: Path) -> None:
        super().__init__(data)
        self.path = path

    def find_class(self, module: str, name: str) -> object:
        """Our replacement of a name, before it can be imported."""
        if (module, name) not in REPLACEMENTS:
            raise CaptureError(
                f"{self.path}: the pickle names {module}.{name}, expected arrays and scalars of NumPy; nothing was run"
            )
        return REPLACEMENTS[module, name]


class _Type:
    """In place of `numpy.dtype`."""

    def __init__(self, code: str = "", *_: object) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]

    def elements(self, data: object) -> list:
        """The numbers or strings in the bytes of an array, or the objects of one that holds objects."""
        if re.fullmatch(r"O\d?", self.code) and isinstance(data, list):
            return data
        name = self.order + self.code
        if not NUMBERS_AND_TEXT.fullmatch(name) or not isinstance(data, bytes):
            raise ValueError(f"elements of type {name}, expected numbers, text or objects")
        return np.frombuffer(data, dtype=name).tolist()


class _Array(list):
    """In place of `numpy.ndarray` and of the function that makes an empty one, which pickles then give its state."""

    def __init__(self, *_: object) -> None:
        super().__init__()

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, column_major, data = state
        elements = kind.elements(data)
        if math.prod(shape) != len(elements) or (not elements and shape != (0,)):
            raise ValueError(f"{len(elements)} elements in an array of shape {shape}")
        array = np.empty(len(elements), dtype=object)
        for index, element in enumerate(elements):
            array[index] = element
        self[:] = array.reshape(shape or (1,), order="F" if column_major else "C").tolist()


def _scalar(kind: _Type, data: object) -> object:
    """In place of the function that makes a NumPy scalar."""
    (element,) = kind.elements(data)
    return element


REPLACEMENTS: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
}
"""By module and name; NumPy 2 spells `numpy.core` with an underscore."""
