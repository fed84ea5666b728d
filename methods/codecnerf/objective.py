"""What base training minimises (CodecNeRF, section 3.5, equations 4, 8 and 9)."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.codecnerf.codec import Codec, as_planes, as_vectors
from methods.codecnerf.examples import Example
from nerfzip.errors import require_setting
from nerfzip.metrics.lpips import lpips_loss, lpips_note
from nerfzip.training.planes import plane_variation


@dataclass(frozen=True)
class Weights:
    """Of the losses beside the squared error of the pixels.

    Attributes:
        commitment: of the distance to the codes.
        variation: of the planes' total variation.
        perceptual: of LPIPS of the patches, where its weights are there.
    """

    commitment: float
    variation: float
    perceptual: float = 0.0

    def __post_init__(self) -> None:
        for name in ("commitment", "variation", "perceptual"):
            require_setting(getattr(self, name) >= 0, f"weights.{name}", getattr(self, name), "at least 0")


@dataclass(frozen=True)
class Forward:
    """What the objects of a step give.

    Attributes:
        loss: the weighted sum, a mean over objects.
        error: mean squared error of the fine pixels.
        vectors, indices: what the codebook learns from.
    """

    loss: Float[Tensor, ""]
    error: float
    vectors: Float[Tensor, "cells channels"]
    indices: Int[Tensor, "cells"]


def forward(codec: Codec, examples: list[Example], weights: Weights, quantize: bool, precision: str) -> Forward:
    """Encode, quantize, decode, render.

    Args:
        quantize: whether the decoder is given the codes' vectors, or those of the encoder.
        precision: of the networks before and behind the codes; all else is float32.
    """
    device = examples[0].rays.origins.device
    with mixed(precision, device):
        planes = [latents.float() for latents in codec.encoder([example.source for example in examples])]
    losses, errors, vectors, indices = [], [], [], []
    for example, latents in zip(examples, planes, strict=True):
        quantized = codec.quantizer(as_vectors(latents))
        with mixed(precision, device):
            scales = codec.decoder(as_planes(quantized.vectors, codec.sizes.lattice) if quantize else latents)
        scales = [values.float() for values in scales]
        field = codec.field(scales, example.source.box, example.background, example.near)
        coarse, fine = field.forward(example.rays, jitter=True)
        error = (fine.rgb - example.colours).square().mean()
        loss = error + (coarse.rgb - example.colours).square().mean() + weights.variation * plane_variation(scales)
        if weights.perceptual > 0 and example.patch > 0 and not lpips_note():
            patches = (
                pixels[-(example.patch**2) :].unflatten(0, (example.patch, -1))
                for pixels in (fine.rgb, example.colours)
            )
            loss = loss + weights.perceptual * lpips_loss(*patches)
        if quantize:
            loss = loss + weights.commitment * quantized.commitment
        losses.append(loss)
        errors.append(error.detach())
        vectors.append(as_vectors(latents).detach())
        indices.append(quantized.indices)
    loss, error = torch.stack(losses).mean(), torch.stack(errors).mean()
    return Forward(loss, float(error), torch.cat(vectors), torch.cat(indices))


def mixed(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """PyTorch's mixed precision, with "bfloat16"."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()
