"""`nerfzip verify`: every checksum, a complete decode, and the digest of what it gave."""

from argparse import Namespace

from nerfzip.benchmark.decoding import decode_file, file_damage
from nerfzip.devices import chosen_device
from nerfzip.errors import BitstreamError, NerfzipError


def main(arguments: Namespace) -> int:
    """A line for each file, which names all its bad sections; the exit status is 2 if any of them is bad."""
    device = chosen_device(arguments.device)
    status = 0
    for file in arguments.files:
        try:
            bitstream = decode_file(file, device).bitstream
            print(f"{file}: good, {bitstream.method}, {bitstream.size:,} bytes, digest {bitstream.digest.hex()}")
        except NerfzipError as error:
            status = 2
            bad_sections = file_damage(file) if isinstance(error, BitstreamError) else ()
            print(f"{file}: bad, {'; '.join(bad_sections) or str(error).removeprefix(f'{file}: ')}")
    return status
