"""Latent codes from images, for training only (Lombardi et al., Neural Volumes, 2019; sheet mlp_maps.md §1.5)."""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.mlp_maps.layers import NormalisedConvolution, NormalisedLinear
from nerfzip.data.scene import VolumetricScene
from nerfzip.errors import ConfigError

MEAN_SCALE, DEVIATION_SCALE = 0.1, 0.01
"""Of the network's outputs, so that all frames start alike."""
PIXEL_MEAN, PIXEL_DEVIATION = 100.0, 25.0


@dataclass(frozen=True)
class EncoderSizes:
    """Of the encoder.

    Attributes:
        cameras: positions of the input views among the training views.
        channels: after each halving of the resolution.
        hidden: values between the image features and the latent code.
    """

    cameras: tuple[int, ...]
    channels: tuple[int, ...]
    hidden: int

    @property
    def image_size(self) -> int:
        """Pixels along each side of an input image, which becomes 4×4."""
        return 4 * 2 ** len(self.channels)


class LatentEncoder(nn.Module):
    """A tower of convolutions for each input camera, then two linear layers."""

    def __init__(self, sizes: EncoderSizes, latent: int, images: Float[Tensor, "frames cameras 3 size size"]) -> None:
        super().__init__()
        pairs = list(itertools.pairwise((3, *sizes.channels)))
        self.towers = nn.ModuleList(
            nn.Sequential(*(NormalisedConvolution(*pair) for pair in pairs)) for _ in sizes.cameras
        )
        self.hidden = NormalisedLinear(len(sizes.cameras) * sizes.channels[-1] * 16, sizes.hidden)
        self.mean = nn.Linear(sizes.hidden, latent)
        self.log_deviation = nn.Linear(sizes.hidden, latent)
        self.images = images

    def forward(self, index: int) -> tuple[Float[Tensor, "latent"], Float[Tensor, "latent"]]:
        """Mean and logarithm of the deviation of a frame's latent code."""
        views = zip(self.towers, self.images[index], strict=True)
        features = torch.cat([tower(view[None]).flatten(1) for tower, view in views], dim=1)
        hidden = self.hidden(features)
        return MEAN_SCALE * self.mean(hidden)[0], DEVIATION_SCALE * self.log_deviation(hidden)[0]

    def sample(self, index: int) -> tuple[Float[Tensor, "latent"], Float[Tensor, ""]]:
        """A random code of a frame, and its distribution's divergence from the normal one, a value's mean."""
        mean, log_deviation = self(index)
        divergence = -0.5 - log_deviation + 0.5 * mean**2 + 0.5 * torch.exp(2 * log_deviation)
        return mean + torch.randn_like(mean) * log_deviation.exp(), divergence.mean()

    @torch.no_grad()
    def codes(self) -> Float[Tensor, "frames latent"]:
        return torch.stack([self(index)[0] for index in range(len(self.images))])


def encoder_images(video: VolumetricScene, sizes: EncoderSizes) -> Float[Tensor, "frames cameras 3 size size"]:
    """The input views, where there is no foreground black, scaled to squares.

    Raises:
        ConfigError: there is no such training view.
    """
    views = len(video.frames[0].train)
    missing = [camera for camera in sizes.cameras if not 0 <= camera < views]
    if missing:
        raise ConfigError(f"method.base.encoder.cameras: {missing[0]}, expected positions among {views} training views")
    frames = [[_input(frame.train.rgba(camera), sizes) for camera in sizes.cameras] for frame in video.frames]
    return torch.stack([torch.stack(views) for views in frames])


def _input(rgba: Float[Tensor, "height width 4"], sizes: EncoderSizes) -> Float[Tensor, "3 size size"]:
    masked = (255 * rgba[..., :3] * rgba[..., 3:] - PIXEL_MEAN) / PIXEL_DEVIATION
    size = (sizes.image_size, sizes.image_size)
    return nn.functional.interpolate(masked.permute(2, 0, 1)[None], size=size, mode="area")[0]
