"""A real but tiny method of volumetric video, for tests: a shaded ball that moves and changes its colour.

A frame is six integers, the ball's centre in 1/100 and its colour in 1/255. A key frame's section holds them, another
frame's their difference to the frame that it is predicted from.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nerfzip.bitstream import (
    BitstreamReader,
    BitstreamWriter,
    GroupsOfFrames,
    VolumetricVideo,
    frame_section,
    tensor_digest,
    tensor_name,
)
from nerfzip.bitstream.video import Prediction
from nerfzip.errors import BitstreamError
from nerfzip.geometry import Box, Rays
from nerfzip.method import RenderedRays

BOX = Box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
YAML = "# A moving ball\n_target_: tiny_video.TinyVideo\n"


@dataclass(frozen=True)
class Ball:
    state: Tensor
    radius: float

    def render(self, rays: Rays) -> RenderedRays:
        to_centre = self.state[:3] / 100 - rays.origins
        along = (to_centre * rays.directions).sum(-1)
        inside = self.radius**2 - (to_centre**2).sum(-1) + along**2
        hit = (inside > 0) & (along > 0)
        depth = along - inside.clamp(min=0).sqrt()
        normal = (depth[:, None] * rays.directions - to_centre) / self.radius
        shade = 0.4 + 0.6 * normal[:, 2:].clamp(0, 1)
        rgb = torch.where(hit[:, None], self.state[3:] / 255 * shade, torch.ones(3))
        return RenderedRays(rgb, hit.float(), torch.where(hit, depth, 0))


@dataclass
class TinyFrames:
    """The codec; `decoded` counts its calls."""

    radius: float
    decoded: int = 0

    def decode(self, payload: bytes, key: Tensor | None, previous: Tensor | None) -> Tensor:
        self.decoded += 1
        if len(payload) != 12:
            raise BitstreamError(f"{len(payload)} bytes, expected 12")
        values = torch.from_numpy(np.frombuffer(payload, "<i2").astype(np.int16))
        reference = previous if previous is not None else key
        return values if reference is None else reference + values

    def tensor_names(self, is_key: bool) -> Sequence[str]:
        return ("centre", "colour")

    def coded_tensors(self, frame: Tensor) -> Mapping[str, Tensor]:
        return {"centre": frame[:3], "colour": frame[3:]}

    def renderable(self, frame: Tensor, index: int) -> Ball:
        return Ball(frame, self.radius)


class TinyVideo:
    volumetric = True

    def open(self, reader: BitstreamReader) -> VolumetricVideo[Tensor]:
        groups = GroupsOfFrames.from_header(reader.header)
        payload = reader.read("shared")
        if len(payload) != 2:
            raise BitstreamError(f"section 'shared': {len(payload)} bytes, expected 2")
        radius = torch.from_numpy(np.frombuffer(payload, "<i2").astype(np.int16))
        codec = TinyFrames(max(float(radius[0]), 1) / 100)
        return VolumetricVideo(reader, groups, codec, {"radius": radius}, BOX)

    def decompress(self, data: bytes) -> VolumetricVideo[Tensor]:
        return self.open(BitstreamReader(io.BytesIO(data)))


def states(frames: int) -> np.ndarray:
    """The six integers of each frame: once round the z axis."""
    angle = np.arange(frames) * 2 * np.pi / frames
    columns = [
        60 * np.cos(angle),
        60 * np.sin(angle),
        20 * np.sin(3 * angle),
        255 - 255 * angle / 7,
        30 * angle,
        80 + 0 * angle,
    ]
    return np.rint(np.stack(columns, -1)).astype("<i2")


def sections(groups: GroupsOfFrames) -> dict[str, bytes]:
    frames = states(groups.frames)
    payloads = {"shared": np.array([35], "<i2").tobytes()}
    for index, frame in enumerate(frames):
        key = groups.key(index)
        reference = 0 if index == key else frames[key if groups.prediction == "key" else index - 1]
        payloads[frame_section(index)] = (frame - reference).astype("<i2").tobytes()
    return payloads


def tensors(frames: int) -> dict[str, np.ndarray]:
    coded: dict[str, Any] = {tensor_name(None, "radius"): np.array([35], np.int16)}
    for index, state in enumerate(states(frames).astype(np.int16)):
        coded |= {tensor_name(index, "centre"): state[:3], tensor_name(index, "colour"): state[3:]}
    return coded


def video_file(frames: int = 20, gof: int = 5, prediction: Prediction = "key", digest: bytes | None = None) -> bytes:
    groups = GroupsOfFrames(frames, gof, prediction)
    file = io.BytesIO()
    writer = BitstreamWriter(file, "tiny_video", {"video": groups.to_header()})
    for name, payload in sections(groups).items():
        writer.write(name, payload)
    writer.close(digest or tensor_digest(tensors(frames)))
    return file.getvalue()


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the method known to the commands of this process."""
    yaml = folder / "conf" / "method" / "tiny_video.yaml"
    yaml.parent.mkdir(parents=True)
    yaml.write_text(YAML)
    monkeypatch.setenv("NERFZIP_CONF", str(folder / "conf"))
