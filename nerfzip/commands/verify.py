"""`nerfzip verify`: every checksum, a complete decode, and the digest of what it gave."""

from argparse import Namespace

from nerfzip.benchmark.decoding import decode_file
from nerfzip.config import chosen_device
from nerfzip.errors import NerfzipError


def main(arguments: Namespace) -> int:
    """A line for each file; the exit status is 2 if any of them is bad."""
    device = chosen_device(arguments.device)
    status = 0
    for file in arguments.files:
        try:
            bitstream = decode_file(file, device).bitstream
            print(f"{file}: good, {bitstream.method}, {bitstream.size:,} bytes, digest {bitstream.digest.hex()}")
        except NerfzipError as error:
            status = 2
            print(f"{file}: bad, {str(error).removeprefix(f'{file}: ')}")
    return status
