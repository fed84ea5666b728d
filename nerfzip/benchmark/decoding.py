"""From a file to a field, checked against the digest that the file holds."""

from dataclasses import dataclass
from pathlib import Path

from nerfzip import registry
from nerfzip.bitstream import Bitstream, tensor_digest, unpack
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
    data, bitstream = read_bitstream(path)
    try:
        registry.check_name("method", bitstream.method, registry.names("method"))
    except ConfigError as error:
        raise BitstreamError(f"{path}: {error} (methods of your own are found through {EXTRA_FOLDERS})") from error
    method = build_for_decoding(bitstream.method, device)
    try:
        with stopwatch() as elapsed:
            field = method.decompress(data)
    except BitstreamError as error:
        raise BitstreamError(f"{path}: {error}") from error
    digest = tensor_digest(field.coded_tensors())
    if digest != bitstream.digest:
        raise BitstreamError(
            f"{path}: decoded to other tensors than were encoded: digest {digest.hex()}, "
            f"the file says {bitstream.digest.hex()}"
        )
    return DecodedFile(bitstream, field, elapsed.seconds)
