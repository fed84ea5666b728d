"""All metrics of one image."""

from jaxtyping import UInt8
from torch import Tensor

from nerfzip.errors import NerfzipError
from nerfzip.metrics.lpips import lpips
from nerfzip.metrics.ms_ssim import SMALLEST_SIDE, ms_ssim
from nerfzip.metrics.psnr import psnr
from nerfzip.metrics.ssim import WINDOW, ssim


def evaluate(prediction: UInt8[Tensor, "height width 3"], truth: UInt8[Tensor, "height width 3"]) -> dict[str, float]:
    """PSNR in dB ("psnr"), and "ssim", "ms_ssim" and "lpips" as far as they can be had.

    A key is absent where the image is too small for the metric's window (SSIM: 11 pixels, MS-SSIM: 161), and LPIPS
    where its weights are not on this machine (`lpips_note` says how to get them). All values are finite.

    Raises:
        NerfzipError: the two images differ in size.
    """
    if prediction.shape != truth.shape:
        raise NerfzipError(f"an image of shape {tuple(prediction.shape)} compared with one of {tuple(truth.shape)}")
    x, y = prediction.double() / 255, truth.double() / 255
    smaller_side = min(x.shape[:2])
    results = {"psnr": psnr(x, y)}
    if smaller_side >= WINDOW:
        results["ssim"] = ssim(x, y)
    if smaller_side >= SMALLEST_SIDE:
        results["ms_ssim"] = ms_ssim(x, y)
    perceptual = lpips(x, y)
    if perceptual is not None:
        results["lpips"] = perceptual
    return results
