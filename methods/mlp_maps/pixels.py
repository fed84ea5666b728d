"""Which pixels are trained on: most of them show the foreground (sheet mlp_maps.md §2)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy.ndimage import binary_dilation, binary_erosion
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.data.visual_hull import FOREGROUND_ALPHA
from nerfzip.errors import TrainingError
from nerfzip.geometry import Box, Cameras, Rays, intersect_box


@dataclass(frozen=True)
class Batch:
    """Rays of one frame, with the colours and opacities that they should have."""

    rays: Rays
    rgb: Float[Tensor, "rays 3"]
    opacity: Float[Tensor, "rays"]


class FramePixels:
    """The training pixels of a frame, all views in memory as 8-bit colours and opacities.

    Args:
        box: only pixels whose rays meet it are drawn.
        band: pixels so near to the edge of the foreground, in a square of this width, are left out; 0 keeps all.
    """

    def __init__(self, scene: Scene, box: Box, band: int) -> None:
        views = scene.train
        self.cameras: Cameras = views.cameras
        self.rgb: UInt8[Tensor, "pixels 3"] = views.images(scene.background).view(-1, 3)
        alphas = torch.stack([views.rgba(view)[..., 3] for view in range(len(views))])
        self.alpha: UInt8[Tensor, pixels] = (alphas * 255).round().to(torch.uint8).view(-1)
        seen = torch.cat([_meets(self.cameras, view, box, scene.near) for view in range(len(views))])
        foreground = alphas > FOREGROUND_ALPHA
        if band:
            seen &= ~torch.cat([_edge(mask, band).view(-1) for mask in foreground])
        self.inside: Int[Tensor, pixels] = seen.nonzero()[:, 0].int()
        self.foreground: Int[Tensor, pixels] = (seen & foreground.view(-1)).nonzero()[:, 0].int()
        if len(self.inside) == 0:
            raise TrainingError(
                f"{scene.name}: no training ray meets the box of a frame, {box.minimum} to {box.maximum}"
            )

    def draw(self, count: int, foreground: float) -> Batch:
        """Random pixels, this share of them among those that show something."""
        first = round(count * foreground) if len(self.foreground) else 0
        parts = [(self.foreground, first), (self.inside, count - first)]
        pixels = torch.cat([pool[torch.randint(len(pool), (part,))] for pool, part in parts if part]).long()
        per_view = self.cameras.width * self.cameras.height
        view, in_view = pixels // per_view, pixels % per_view
        rays = self.cameras.rays(view, in_view % self.cameras.width, in_view // self.cameras.width)
        return Batch(rays, self.rgb[pixels].float() / 255, self.alpha[pixels].float() / 255)


def _meets(cameras: Cameras, view: int, box: Box, near: float) -> Bool[Tensor, "pixels"]:
    t_min, t_max = intersect_box(cameras.image_rays(view), box, near)
    return t_max > t_min


def _edge(mask: Bool[Tensor, "height width"], width: int) -> Bool[Tensor, "height width"]:
    """What a dilation adds, and an erosion takes away."""
    square = np.ones((width, width), bool)
    seen = mask.cpu().numpy()
    grown, shrunk = binary_dilation(seen, square), binary_erosion(seen, square, border_value=1)
    return torch.from_numpy(grown & ~shrunk).to(mask.device)
