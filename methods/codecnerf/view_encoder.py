"""From each view to a map of features, by a vision transformer (CodecNeRF, section 3.2; sheet codecnerf.md, §2)."""

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from nerfzip.errors import ConfigError, require_setting

IMAGE_MEAN, IMAGE_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, on which DINO was trained."""
CHROMA = 4.0
OPPONENT = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [CHROMA, -CHROMA, 0.0], [0.0, -CHROMA, CHROMA]])
"""Brightness, and how much red and blue differ from green. Hues vary less between objects than brightness and shape
do; as they are, training loses them long before it has a use for them."""


@dataclass(frozen=True)
class ViewEncoderSizes:
    """Of the transformer and what is made of its tokens.

    Attributes:
        side: pixels; images are brought to this width and height.
        patch: pixels along each side of what becomes a token.
        width, depth, heads: of the transformer.
        channels: of the feature maps.
        colours: whether the image itself is appended to its feature map, as three more channels, see `OPPONENT`.
    """

    side: int
    patch: int
    width: int
    depth: int
    heads: int
    channels: int
    colours: bool

    def __post_init__(self) -> None:
        for name in ("side", "patch", "width", "depth", "heads", "channels"):
            require_setting(getattr(self, name) >= 1, f"views.{name}", getattr(self, name), "at least 1")
        require_setting(self.side % self.patch == 0, "views.side", self.side, f"a multiple of the patch, {self.patch}")
        require_setting(self.width % self.heads == 0, "views.width", self.width, f"a multiple of {self.heads} heads")

    @property
    def map_channels(self) -> int:
        return self.channels + 3 * self.colours


class ViewEncoder(nn.Module):
    def __init__(self, sizes: ViewEncoderSizes) -> None:
        super().__init__()
        # Takes seconds to import, and decoding needs none of it.
        from timm.models.vision_transformer import VisionTransformer

        self.sizes = sizes
        self.transformer = VisionTransformer(
            img_size=sizes.side,
            patch_size=sizes.patch,
            embed_dim=sizes.width,
            depth=sizes.depth,
            num_heads=sizes.heads,
            num_classes=0,
            global_pool="",
        )
        self.to_pixels = nn.ConvTranspose2d(sizes.width, sizes.channels, sizes.patch, sizes.patch)

    def forward(self, images: Float[Tensor, "views 3 height width"]) -> Float[Tensor, "views side side channels"]:
        """Channels-last maps of images in [0, 1], which need not have the encoder's size."""
        side = self.sizes.side
        if images.shape[2:] != (side, side):
            images = interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
        mean, deviation = (images.new_tensor(values)[:, None, None] for values in (IMAGE_MEAN, IMAGE_DEVIATION))
        normalised = (images - mean) / deviation
        tokens = self.transformer.forward_features(normalised)
        tokens = tokens[:, self.transformer.num_prefix_tokens :]
        across = side // self.sizes.patch
        maps = self.to_pixels(tokens.transpose(1, 2).unflatten(2, (across, across)))
        if self.sizes.colours:
            maps = torch.cat([maps, torch.einsum("oc,vcyx->voyx", OPPONENT.to(images), normalised)], dim=1)
        return maps.permute(0, 2, 3, 1)


def load_transformer(transformer: nn.Module, path: Path) -> None:
    """Weights as timm names them (vit_base_patch16_224.dino has the paper's), for any number of tokens.

    Args:
        path: a .safetensors file, or one of PyTorch's.

    Raises:
        ConfigError: the file can't be read, or is of another transformer.
    """
    from timm.layers import resample_abs_pos_embed

    try:
        if path.suffix == ".safetensors":
            weights = safetensors.torch.load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        own = transformer.state_dict()
        tokens = own["pos_embed"].shape[1] - transformer.num_prefix_tokens
        side = round(tokens**0.5)
        resized = resample_abs_pos_embed(
            weights["pos_embed"], [side, side], num_prefix_tokens=transformer.num_prefix_tokens
        )
        transformer.load_state_dict({**{name: weights[name] for name in own}, "pos_embed": resized})
    except Exception as error:
        raise ConfigError(f"method.training.transformer: {path}: no weights of this transformer: {error}") from error
