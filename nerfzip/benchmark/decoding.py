"""From a file to a field, checked against the digest that the file holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nerfzip import registry
from nerfzip.bitstream import Bitstream, BitstreamReader, TensorDigest, unpack
from nerfzip.bitstream.digest import as_array
from nerfzip.config import build_for_decoding
from nerfzip.errors import BitstreamError, ConfigError, NerfzipError
from nerfzip.method import Field, VolumetricField
from nerfzip.registry import EXTRA_FOLDERS
from nerfzip.stopwatch import stopwatch


@dataclass(frozen=True)
class DecodedFile:
    """A field and the file it came from; `seconds` is the time from bytes to field."""

    bitstream: Bitstream
    field: Field | VolumetricField
    seconds: float


def read_bitstream(path: Path) -> tuple[bytes, Bitstream]:
    """A file's bytes and its sections, every checksum verified.

    Raises:
        BitstreamError: damaged, hostile or of another version.
        NerfzipError: the file can't be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NerfzipError(f"{path}: can't be read: {error.strerror or error}") from error
    try:
        return data, unpack(data)
    except BitstreamError as error:
        raise BitstreamError(f"{path}: {error}") from error


def decode_file(path: Path, device: str) -> DecodedFile:
    """Decode a file completely, on "cpu" or "cuda".

    Raises:
        BitstreamError: damaged, hostile, of another version or of an unknown method, or the decoded tensors are not
            those that the encoder stored the digest of.
        NerfzipError: the file can't be read.
    """
    decoded = decode_unverified(path, device)
    for _ in verified_tensors(path, decoded):
        pass
    return decoded


def decode_unverified(path: Path, device: str) -> DecodedFile:
    """As `decode_file`, without comparing digests; `verified_tensors` does."""
    data, bitstream = read_bitstream(path)
    method = _method(path, bitstream.method, device)
    try:
        with stopwatch() as elapsed:
            field = method.decompress(data)
    except BitstreamError as error:
        raise BitstreamError(f"{path}: {error}") from error
    return DecodedFile(bitstream, field, elapsed.seconds)


def verified_tensors(path: Path, decoded: DecodedFile) -> Iterator[tuple[str, np.ndarray]]:
    """The coded tensors in sorted order of their names; of a video, no more than a frame is held.

    Raises:
        BitstreamError: a frame can't be decoded, or, after the last, the digest is not the file's.
    """
    digest = TensorDigest()
    tensors = decoded.field.coded_tensors()
    try:
        for name in sorted(tensors):
            array = as_array(tensors[name])
            digest.add(name, array)
            yield name, array
    except BitstreamError as error:
        raise BitstreamError(f"{path}: {error}") from error
    if digest.digest() != decoded.bitstream.digest:
        raise BitstreamError(
            f"{path}: decoded to other tensors than were encoded: digest {digest.digest().hex()}, "
            f"the file says {decoded.bitstream.digest.hex()}"
        )


@dataclass(frozen=True)
class OpenedFile:
    """A field, of which only that is read from the file that is looked at, unless it was read whole."""

    field: Field | VolumetricField
    reader: BitstreamReader
    read_whole: bool

    @property
    def bytes_read(self) -> int:
        """From the file, so far."""
        return self.reader.size if self.read_whole else self.reader.bytes_read


@contextmanager
def opened_file(path: Path, device: str, recover: bool = False) -> Iterator[OpenedFile]:
    """Open a file for a look at parts of it.

    A method that has `open` reads what it needs, when it needs it; the checksums of that are checked, not the digest,
    which is of the whole. Of any other method the whole file is decoded, and its digest compared.

    Args:
        recover: the file may be damaged (see `BitstreamReader`).

    Raises:
        BitstreamError: damaged, hostile, of another version or of an unknown method.
        NerfzipError: the file can't be read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise NerfzipError(f"{path}: can't be read: {error.strerror or error}") from error
    with file:
        try:
            reader = BitstreamReader(file, recover=recover)
            method = _method(path, reader.method, device)
            in_parts = hasattr(method, "open")
            field = method.open(reader) if in_parts else decode_file(path, device).field
        except BitstreamError as error:
            raise BitstreamError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error
        yield OpenedFile(field, reader, read_whole=not in_parts)


def file_damage(path: Path) -> tuple[str, ...]:
    """Everything that is wrong with the sections of a file, in their order."""
    try:
        with path.open("rb") as file:
            return BitstreamReader(file, recover=True).damage
    except BitstreamError as error:
        return (str(error),)
    except OSError as error:
        raise NerfzipError(f"{path}: can't be read: {error.strerror or error}") from error


def _method(path: Path, name: str, device: str) -> Any:
    try:
        registry.check_name("method", name, registry.names("method"))
    except ConfigError as error:
        raise BitstreamError(f"{path}: {error} (methods of your own are found through {EXTRA_FOLDERS})") from error
    return build_for_decoding(name, device)
