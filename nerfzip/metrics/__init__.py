"""Image quality, one protocol for all methods (DESIGN.md, promise 7)."""

from nerfzip.metrics.evaluate import evaluate
from nerfzip.metrics.lpips import lpips, lpips_missing_in_rows, lpips_note
from nerfzip.metrics.ms_ssim import ms_ssim
from nerfzip.metrics.psnr import psnr
from nerfzip.metrics.ssim import ssim

__all__ = ["evaluate", "lpips", "lpips_missing_in_rows", "lpips_note", "ms_ssim", "psnr", "ssim"]
