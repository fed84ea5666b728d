"""A real but tiny method, for the tests of the benchmark: one colour, everywhere.

Its base fits the mean colour; the method rounds that to `levels` values. Every fit adds a line to the file $TINY_FITS.
A decoder waits for $TINY_DECODE_SECONDS before it decodes, having written its process's number beside $TINY_FITS.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nerfzip.bitstream import pack, tensor_digest, unpack
from nerfzip.data.scene import Scene, Views
from nerfzip.errors import CaptureError, NerfzipError
from nerfzip.geometry import Box, Cameras, Rays
from nerfzip.method import RenderedRays

BOX = Box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


@dataclass
class TinyBase:
    """The mean colour of the training images."""

    gain: float = 1.0
    seconds: float = 0.0
    seed: int = 0

    def fit(self, scene: Scene) -> dict[str, Tensor]:
        with open(os.environ["TINY_FITS"], "a") as file:  # noqa: PTH123
            file.write("fit\n")
        time.sleep(self.seconds)
        mean = scene.train.images(scene.background).float().mean(dim=(0, 1, 2)) / 255
        return {"mean": mean * self.gain}


@dataclass
class TinyField:
    levels: int
    index: Tensor
    box: Box = BOX

    def render(self, rays: Rays) -> RenderedRays:
        colour = self.index / (self.levels - 1)
        ones = torch.ones(len(rays))
        return RenderedRays(colour.expand(len(rays), 3).contiguous(), ones, ones)

    def coded_tensors(self) -> dict[str, Tensor]:
        return {"index": self.index}


@dataclass
class TinyMethod:
    base: Any
    levels: int = 256
    seconds: float = 0.0
    lie: bool = False

    def fit(self, scene: Scene) -> dict[str, Tensor]:
        return self.base.fit(scene)

    def compress(self, model: dict[str, Tensor], scene: Scene) -> bytes:
        if self.levels < 2:
            raise NerfzipError(f"levels={self.levels}: expected at least 2")
        time.sleep(self.seconds)
        index = (model["mean"].clamp(0, 1) * (self.levels - 1)).round().to(torch.int32)
        # A method may do to its model what it likes: the next rate must not see it.
        model["mean"].zero_()
        digest = tensor_digest({"index": index + int(self.lie)})
        return pack("tiny", {"levels": self.levels}, {"colour": index.numpy().tobytes()}, digest)

    def decompress(self, data: bytes) -> TinyField:
        if "TINY_DECODE_SECONDS" in os.environ:
            Path(os.environ["TINY_FITS"]).with_name("decoder").write_text(str(os.getpid()))
            time.sleep(float(os.environ["TINY_DECODE_SECONDS"]))
        bitstream = unpack(data)
        index = torch.frombuffer(bytearray(bitstream.sections["colour"]), dtype=torch.int32)
        return TinyField(bitstream.header["levels"], index)

    def uncompressed_bytes(self, model: dict[str, Tensor]) -> int:
        return sum(tensor.nbytes for tensor in model.values())


def load_tiny_scene(views: int, shade: float) -> Scene:
    """A flat grey in `views` images of 16×12."""
    if views < 1:
        raise CaptureError("views: 0 images, expected at least 1")
    cameras = Cameras(torch.eye(4).repeat(views, 1, 1), torch.tensor([[10.0, 10.0, 8.0, 6.0]] * views), 16, 12)
    image = np.full((12, 16, 4), [shade, shade, shade, 1.0], dtype=np.float32)
    split = Views(cameras, tuple(f"view {index}" for index in range(views)), lambda index: image)
    return Scene("grey", {"train": split, "test": split}, BOX, 1.0, 3.0, (0.0, 0.0, 0.0), f"{views} {shade}")
