"""Structural similarity (Wang et al., "Image quality assessment: from error visibility to structural similarity")."""

import torch
from jaxtyping import Float
from torch import Tensor

WINDOW = 11
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2


def ssim(prediction: Float[Tensor, "height width channels"], truth: Float[Tensor, "height width channels"]) -> float:
    """Mean over channels and over all places where the 11×11 Gaussian window (σ = 1.5) lies wholly inside the image.

    As the paper and its authors' code have it: no padding, population covariance, K₁ = 0.01, K₂ = 0.03. (The authors'
    code also shrinks images above 256 pixels first; like everybody in this field we don't.) Computed in float64.

    Args:
        prediction, truth: values in [0, 1], at least 11 pixels in either direction.
    """
    structure, luminance = similarity_maps(prediction, truth)
    return float((structure * luminance).mean())


def similarity_maps(
    prediction: Float[Tensor, "height width channels"], truth: Float[Tensor, "height width channels"]
) -> tuple[Float[Tensor, "channels valid_height valid_width"], Float[Tensor, "channels valid_height valid_width"]]:
    """The contrast-and-structure term and the luminance term of SSIM, whose product it is, at each place."""
    x, y = (image.double().permute(2, 0, 1) for image in (prediction, truth))
    mean_x, mean_y, square_x, square_y, product = _blur(torch.stack([x, y, x * x, y * y, x * y]))
    variances = (square_x - mean_x**2) + (square_y - mean_y**2)
    covariance = product - mean_x * mean_y
    structure = (2 * covariance + C2) / (variances + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return structure, luminance


def _blur(images: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch valid_height valid_width"]:
    """Weighted means under the window, wherever it fits; the Gaussian is separable."""
    distance = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    weights = torch.exp(-(distance**2) / (2 * SIGMA**2))
    first, *others = (weights / weights.sum()).tolist()
    for dimension in (-2, -1):
        fitting = images.shape[dimension] - WINDOW + 1
        blurred = first * images.narrow(dimension, 0, fitting)
        for start, weight in enumerate(others, start=1):
            blurred.add_(images.narrow(dimension, start, fitting), alpha=weight)  # in place: five times faster
        images = blurred
    return images
