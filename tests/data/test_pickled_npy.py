import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damage import MUTATIONS

from nerfzip.data.pickled_npy import read_npy, read_pickled_npy
from nerfzip.errors import CaptureError

DOCUMENT = {
    "cams": {"K": [np.eye(3), np.arange(6, dtype=">i2").reshape(2, 3)], "n": np.float32(0.5), "s": np.str_("ä")},
    "ims": [{"ims": np.array(["images/0.png", "b"])}, {"ims": np.array(["x", None], dtype=object), "b": np.bool_(1)}],
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty": np.zeros(0),
    "no axes": np.array(3),
}


def write(path: Path, value: object, spelling: str = "", protocol: int = 3) -> Path:
    """As `numpy.save` does, with a given protocol and spelling of `numpy.core`."""
    array = np.empty((), dtype=object)
    array[()] = value
    data = pickle.dumps(array, protocol=protocol)
    if spelling:
        data = data.replace(b"numpy._core", b"numpy.core").replace(b"numpy.core", spelling.encode())
        assert spelling.encode() in data
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(data)
    return path


def check(found: object) -> None:
    assert found == {
        "cams": {"K": [np.eye(3).tolist(), [[0, 1, 2], [3, 4, 5]]], "n": 0.5, "s": "ä"},
        "ims": [{"ims": ["images/0.png", "b"]}, {"ims": ["x", None], "b": True}],
        "fortran": [[0, 1, 2], [3, 4, 5]],
        "empty": [],
        "no axes": [3],
    }


@pytest.mark.parametrize("spelling", ["numpy.core", "numpy._core"])
def test_both_spellings_of_numpy(tmp_path: Path, spelling: str) -> None:
    check(read_pickled_npy(write(tmp_path / "a.npy", DOCUMENT, spelling)))


def test_what_numpy_writes(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DOCUMENT, allow_pickle=True)  # type: ignore[arg-type]
    check(read_pickled_npy(tmp_path / "a.npy"))
    check(read_pickled_npy(write(tmp_path / "b.npy", DOCUMENT, protocol=4)))


class Call:
    """Pickled as a call, which plain unpickling would run."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


@pytest.mark.parametrize("protocol", [3, 4])
def test_code_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    witness = tmp_path / "witness"
    path = write(tmp_path / "a.npy", {"cams": Call(os.system, f"touch {witness}")}, protocol=protocol)
    with pytest.raises(CaptureError, match=r"a\.npy: the pickle names (posix|nt)\.system, expected arrays"):
        read_pickled_npy(path)
    assert not witness.exists()
    np.load(path, allow_pickle=True)
    assert witness.exists()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Call(eval, "1"), r"builtins\.eval"),
        (Call(getattr, np.eye(2), "tofile"), r"builtins\.getattr"),
        (Call(np.load, "x"), r"numpy\.load"),
        (Path("x"), r"pathlib.*\.PosixPath"),
        ({1, 2}, r"builtins\.set"),
    ],
)
def test_other_names_are_refused(tmp_path: Path, value: object, name: str) -> None:
    with pytest.raises(CaptureError, match=rf"the pickle names {name}, expected arrays and scalars"):
        read_pickled_npy(write(tmp_path / "a.npy", {"cams": value}))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((2, 2)), r"an array of float64 with shape \(2, 2\), expected one pickled object"),
        (np.array([{}, {}]), r"an array of object with shape \(2,\), expected one pickled object"),
        (np.array(1.0), r"an array of float64 with shape \(\), expected one pickled object"),
    ],
)
def test_other_arrays(tmp_path: Path, value: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", value, allow_pickle=True)
    with pytest.raises(CaptureError, match=message):
        read_pickled_npy(tmp_path / "a.npy")


def test_a_memo_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npy", 1)
    header = path.read_bytes()[:128]
    path.write_bytes(header + b"\x80\x03Nr\xff\xff\xff\xff.")
    with pytest.raises(CaptureError, match=r"the pickle puts an object at 4294967295, but has only \d+ bytes"):
        read_pickled_npy(path)


def test_arrays_larger_than_their_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npy", {"a": np.zeros((7, 5))})
    data = path.read_bytes()
    assert data.count(b"K\x07K\x05\x86") == 1
    path.write_bytes(data.replace(b"K\x07K\x05\x86", b"J\xff\xff\xff\x7fK\x05\x86"))
    with pytest.raises(CaptureError, match=r"35 elements in an array of shape \(2147483647, 5\)"):
        read_pickled_npy(path)


@pytest.mark.parametrize("read", [read_npy, read_pickled_npy])
def test_damaged_files(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "a.npy"
    if read is read_npy:
        np.save(path, np.arange(12.0).reshape(4, 3))
    else:
        write(path, DOCUMENT)
    whole, chance = path.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        chance.choice(MUTATIONS)(data, chance)
        path.write_bytes(data)
        try:
            read(path)
        except CaptureError as error:
            assert "a.npy: " in str(error)
            refused += 1
    assert refused > 100
    path.write_bytes(b"")
    with pytest.raises(CaptureError, match=r"a\.npy: not a NumPy file that can be read"):
        read(path)
    path.unlink()
    with pytest.raises(CaptureError, match=r"a\.npy: no such file"):
        read(path)
