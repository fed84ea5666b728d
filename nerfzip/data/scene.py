"""What every loader makes of a capture on disk."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nerfzip.errors import CaptureError
from nerfzip.geometry import Box, Cameras, Colour

ReadImage = Callable[[int], Float[np.ndarray, "height width 4"]]


@dataclass(frozen=True)
class Views:
    """The views of one split: cameras, and their images, read when asked for.

    Attributes:
        names: one for each view, as the capture names it.
        read_rgba: view index -> straight-alpha float32 RGBA in [0, 1], already at the cameras' size.
            Alpha is 1 where the capture has none.
    """

    cameras: Cameras
    names: tuple[str, ...]
    read_rgba: ReadImage

    def __len__(self) -> int:
        return len(self.cameras)

    def to(self, device: str) -> "Views":
        return replace(self, cameras=self.cameras.to(device))

    def rgba(self, index: int) -> Float[Tensor, "height width 4"]:
        """On the device of the cameras."""
        with torch.device("cpu"):  # Where loaders work, whatever the default device is.
            rgba = torch.from_numpy(np.ascontiguousarray(self.read_rgba(index), dtype=np.float32))
        return rgba.to(self.cameras.device)

    def image(self, index: int, background: Colour) -> UInt8[Tensor, "height width 3"]:
        """One image composited on `background`, rounded to 8 bits: what training and metrics see."""
        rgba = self.rgba(index)
        alpha = rgba[..., 3:]
        rgb = rgba[..., :3] * alpha + (1 - alpha) * rgba.new_tensor(background)
        return (rgb.clamp(0, 1) * 255).round().to(torch.uint8)

    def images(self, background: Colour) -> UInt8[Tensor, "views height width 3"]:
        """All images of the split in memory."""
        return torch.stack([self.image(index, background) for index in range(len(self))])


@dataclass(frozen=True)
class Scene:
    """A static scene.

    Attributes:
        name: for tables, for example "lego".
        splits: by name; "train" and "test" always exist and are not empty.
        box: holds what is to be reconstructed, world units.
        near, far: distances along rays between which the scene lies, world units.
        background: RGB in [0, 1] behind the scene.
        fingerprint: hex digest of everything that was read to make this scene (file contents and loader settings);
            equal for equal captures, wherever they lie.
    """

    name: str
    splits: dict[str, Views]
    box: Box
    near: float
    far: float
    background: Colour
    fingerprint: str

    def to(self, device: str) -> "Scene":
        """The scene with cameras on a device, where images will be too."""
        return replace(self, splits={name: views.to(device) for name, views in self.splits.items()})

    @property
    def train(self) -> Views:
        return self.splits["train"]

    @property
    def test(self) -> Views:
        """
        Raises:
            CaptureError: there are none, as of images that were named one by one.
        """
        if "test" not in self.splits:
            raise CaptureError(f"{self.name}: no test views to measure with; nerfzip encode does without")
        return self.splits["test"]


@dataclass(frozen=True)
class VolumetricScene:
    """A volumetric video: what synchronised cameras that stand still see at each moment.

    Attributes:
        frames: static scenes in the order of time, with the same splits, cameras, box, near, far and background. Their
            images are read when they are asked for, so the length of a video costs no memory.
        fingerprint: as of a `Scene`, of all frames.
        frame_boxes: for each frame, around what is to be seen at that moment, world units, where the capture says so;
            None otherwise.
    """

    frames: tuple[Scene, ...]
    fingerprint: str
    frame_boxes: tuple[Box, ...] | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def to(self, device: str) -> "VolumetricScene":
        """As of a `Scene`."""
        return replace(self, frames=tuple(frame.to(device) for frame in self.frames))

    @property
    def name(self) -> str:
        return self.frames[0].name

    @property
    def box(self) -> Box:
        return self.frames[0].box

    @property
    def background(self) -> Colour:
        return self.frames[0].background


Capture = Scene | VolumetricScene
"""What a loader makes, and a method is fitted to."""


def frames_of(capture: Capture) -> tuple[Scene, ...]:
    """The frames of a volumetric video; a static scene is one."""
    return capture.frames if isinstance(capture, VolumetricScene) else (capture,)
