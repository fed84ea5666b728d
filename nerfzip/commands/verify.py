"""`nerfzip verify`: every checksum, a complete decode, and the digest of what it gave."""

from argparse import Namespace

from nerfzip.benchmark.decoding import decode_file
from nerfzip.config import chosen_device


def main(arguments: Namespace) -> int:
    for file in arguments.files:
        bitstream = decode_file(file, chosen_device(arguments.device)).bitstream
        print(f"{file}: good, {bitstream.method}, {bitstream.size:,} bytes, digest {bitstream.digest.hex()}")
    return 0
