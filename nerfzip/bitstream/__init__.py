"""The `.nrz` container: named sections with checksums, in one file that can be read section by section.

docs/bitstream.md describes it to the byte.
"""

from nerfzip.bitstream.container import Bitstream, pack, unpack
from nerfzip.bitstream.digest import TensorDigest, tensor_digest
from nerfzip.bitstream.reader import BitstreamReader
from nerfzip.bitstream.video import (
    FrameCodec,
    GroupsOfFrames,
    VolumetricVideo,
    add_tensors,
    frame_components,
    frame_section,
    tensor_name,
)
from nerfzip.bitstream.writer import BitstreamWriter

__all__ = [
    "Bitstream",
    "BitstreamReader",
    "BitstreamWriter",
    "FrameCodec",
    "GroupsOfFrames",
    "TensorDigest",
    "VolumetricVideo",
    "add_tensors",
    "frame_components",
    "frame_section",
    "pack",
    "tensor_digest",
    "tensor_name",
    "unpack",
]
