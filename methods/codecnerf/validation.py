"""How good objects are after one forward pass through the codec."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int

from methods.codecnerf.codec import Codec
from methods.codecnerf.examples import views_to_encode
from nerfzip.data.scene import Scene
from nerfzip.metrics.psnr import psnr
from nerfzip.rendering.images import render_pixels


@dataclass(frozen=True)
class BareQuality:
    """
    Attributes:
        validation_psnr: mean over objects of the mean over their test views, dB.
        codes_used: different codes of all objects together.
    """

    validation_psnr: float
    codes_used: int


@torch.no_grad()
def bare_quality(codec: Codec, objects: Sequence[Scene]) -> BareQuality:
    qualities, used = [], set()
    for scene in (scene.to(codec.device) for scene in objects):
        indices = codec.encode(views_to_encode(scene, codec.sizes.source_views))
        used |= set(indices.flatten().tolist())
        field = codec.field(codec.decode(indices), scene.box, scene.background, scene.near)
        for index in range(len(scene.test)):
            image = render_pixels(field, scene.test.cameras, index)
            qualities.append(psnr(image / 255, scene.test.image(index, scene.background).cpu() / 255))
    return BareQuality(float(sum(qualities) / len(qualities)), len(used))


def code_counts(codec: Codec, objects: Sequence[Scene]) -> Int[np.ndarray, "codes"]:
    """How often each code occurs in the objects, and once more."""
    counts = np.ones(codec.sizes.codes, np.int64)
    for scene in (scene.to(codec.device) for scene in objects):
        indices = codec.encode(views_to_encode(scene, codec.sizes.source_views)).flatten().cpu().numpy()
        counts += np.bincount(indices, minlength=len(counts))
    return counts
