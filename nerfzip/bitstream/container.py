"""Whole `.nrz` files in memory: pack and unpack."""

import io
from dataclasses import dataclass
from typing import Any

from nerfzip.bitstream import layout
from nerfzip.bitstream.reader import BitstreamReader
from nerfzip.bitstream.writer import BitstreamWriter


@dataclass(frozen=True)
class Bitstream:
    """What a `.nrz` file holds.

    Attributes:
        method: name of the method that wrote it.
        header: the method's settings, plain JSON.
        sections: payload by name, in file order.
        digest: 16 bytes, `tensor_digest` of what the file decodes to.
        size: of the whole file in bytes.
    """

    method: str
    header: dict[str, Any]
    sections: dict[str, bytes]
    digest: bytes
    size: int

    def component_sizes(self) -> dict[str, int]:
        """Bytes of each section's payload, and of all the rest under "container"; they sum to the size of the file."""
        sizes = {name: len(payload) for name, payload in self.sections.items()}
        return {**sizes, layout.CONTAINER: self.size - sum(sizes.values())}


def pack(method: str, header: dict[str, Any], sections: dict[str, bytes], digest: bytes) -> bytes:
    """A complete file.

    Args:
        method: name of the method that can decode it.
        header: plain JSON; floats keep every bit.
        sections: payload by name, written in this order; "header", "end" and "container" are reserved.
        digest: `tensor_digest` of what the file decodes to.

    Raises:
        BitstreamError: a name, the header or a size that the format can't hold.
    """
    file = io.BytesIO()
    writer = BitstreamWriter(file, method, header)
    for name, payload in sections.items():
        writer.write(name, payload)
    writer.close(digest)
    return file.getvalue()


def unpack(data: bytes) -> Bitstream:
    """Read a complete file and check every byte of it.

    Raises:
        BitstreamError: damaged, hostile or of another version; the message names the section and the byte offset.
    """
    reader = BitstreamReader(io.BytesIO(data))
    sections = {name: reader.read(name) for name in reader.sizes}
    return Bitstream(reader.method, reader.header, sections, reader.digest, len(data))
