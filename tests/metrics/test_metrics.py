import hashlib
import importlib
import json
import math
from pathlib import Path

import lpips as lpips_package
import numpy as np
import pytest
import pytorch_msssim
import torch
from scipy.ndimage import correlate
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from nerfzip.errors import NerfzipError
from nerfzip.metrics import evaluate, lpips, lpips_note, ms_ssim, psnr, ssim


def image_pair(height: int, width: int, noise: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A smooth random image and a noisy copy, float64 in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 5, generator=generator, dtype=torch.float64)
    truth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0].permute(1, 2, 0)
    noisy = truth + noise * torch.randn(truth.shape, generator=generator, dtype=torch.float64)
    return noisy.clamp(0, 1), truth


def test_psnr_of_a_constant_difference() -> None:
    truth = torch.full((4, 5, 3), 0.25)
    assert psnr(truth + 0.1, truth) == pytest.approx(20, abs=1e-5)
    assert psnr(torch.ones(2, 2, 3), torch.zeros(2, 2, 3)) == 0


def test_psnr_agrees_with_scikit_image() -> None:
    prediction, truth = image_pair(40, 30, noise=0.05)
    expected = peak_signal_noise_ratio(truth.numpy(), prediction.numpy(), data_range=1)
    assert psnr(prediction, truth) == pytest.approx(expected, abs=1e-9)


def test_psnr_of_identical_images_is_finite_and_above_every_other() -> None:
    image = torch.zeros(1000, 1000, 3)
    nearly = image.clone()
    nearly[0, 0, 0] = 1 / 255
    assert psnr(image, image) == 120
    assert psnr(nearly, image) == pytest.approx(10 * math.log10(255**2 * image.numel()), abs=1e-4)
    assert psnr(nearly, image) < 120


@pytest.mark.parametrize(("height", "width"), [(11, 11), (12, 40), (37, 64)])
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.3])
def test_ssim_agrees_with_scikit_image(height: int, width: int, noise: float) -> None:
    prediction, truth = image_pair(height, width, noise)
    expected = structural_similarity(
        truth.numpy(),
        prediction.numpy(),
        channel_axis=2,
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(prediction, truth) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_constant_images() -> None:
    """Variances vanish, so that the luminance term alone is left."""
    expected = (2 * 0.2 * 0.6 + 0.01**2) / (0.2**2 + 0.6**2 + 0.01**2)
    assert ssim(torch.full((20, 20, 3), 0.2), torch.full((20, 20, 3), 0.6)) == pytest.approx(expected, abs=1e-6)


def slow_ms_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """From the paper and its authors' description, one channel and one window at a time."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    results = []
    for channel in range(3):
        a, b = x[..., channel], y[..., channel]
        product = 1.0
        for scale, power in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
            views_a = np.lib.stride_tricks.sliding_window_view(a, (11, 11))
            views_b = np.lib.stride_tricks.sliding_window_view(b, (11, 11))
            mean_a, mean_b = (np.einsum("ijkl,kl->ij", views, window) for views in (views_a, views_b))
            centred_a, centred_b = views_a - mean_a[..., None, None], views_b - mean_b[..., None, None]
            variance = np.einsum("ijkl,kl->ij", centred_a**2 + centred_b**2, window)
            covariance = np.einsum("ijkl,kl->ij", centred_a * centred_b, window)
            term = (2 * covariance + 0.0009) / (variance + 0.0009)
            if scale == 4:
                term = term * (2 * mean_a * mean_b + 0.0001) / (mean_a**2 + mean_b**2 + 0.0001)
            product *= max(term.mean(), 0) ** power
            # Correlate with a 2×2 box on mirrored borders, keep every other pixel, as the authors' MATLAB code does.
            a, b = (correlate(image, np.full((2, 2), 0.25), mode="reflect", origin=-1)[::2, ::2] for image in (a, b))
        results.append(product)
    return float(np.mean(results))


@pytest.mark.parametrize(("height", "width"), [(161, 161), (162, 175)])
def test_ms_ssim_agrees_with_a_slow_reference(height: int, width: int) -> None:
    prediction, truth = image_pair(height, width, noise=0.1)
    assert ms_ssim(prediction, truth) == pytest.approx(slow_ms_ssim(prediction.numpy(), truth.numpy()), abs=1e-9)


def test_ms_ssim_agrees_with_pytorch_msssim_where_sides_halve_evenly() -> None:
    prediction, truth = image_pair(176, 208, noise=0.2)
    batches = (image.permute(2, 0, 1)[None] for image in (prediction, truth))
    assert ms_ssim(prediction, truth) == pytest.approx(float(pytorch_msssim.ms_ssim(*batches, data_range=1)), abs=1e-5)


def test_ms_ssim_of_a_negative_is_zero_not_nan() -> None:
    _, truth = image_pair(161, 161, noise=0)
    assert ms_ssim(1 - truth, truth) == 0


def to_bytes(image: Tensor) -> Tensor:
    return (image * 255).round().to(torch.uint8)


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_evaluate_scales_bytes_by_255(no_weights: Path) -> None:
    prediction, truth = (to_bytes(image) for image in image_pair(161, 170, noise=0.1))
    results = evaluate(prediction, truth)
    assert set(results) == {"psnr", "ssim", "ms_ssim"}
    assert results["psnr"] == pytest.approx(peak_signal_noise_ratio(truth.numpy(), prediction.numpy()), abs=1e-9)
    assert results["ssim"] == ssim(prediction.double() / 255, truth.double() / 255)


@pytest.mark.parametrize(
    ("side", "keys"),
    [(10, {"psnr"}), (11, {"psnr", "ssim"}), (160, {"psnr", "ssim"}), (161, {"psnr", "ssim", "ms_ssim"})],
)
def test_metrics_that_do_not_fit_are_absent_and_rows_are_json(no_weights: Path, side: int, keys: set[str]) -> None:
    image = to_bytes(image_pair(side, 200, noise=0)[1])
    results = evaluate(image, image)
    assert set(results) == keys
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    assert results == {key: 120 if key == "psnr" else pytest.approx(1, abs=1e-12) for key in keys}


def test_images_of_different_sizes_are_refused() -> None:
    with pytest.raises(NerfzipError, match=r"\(4, 5, 3\).*\(5, 4, 3\)"):
        evaluate(torch.zeros(4, 5, 3, dtype=torch.uint8), torch.zeros(5, 4, 3, dtype=torch.uint8))


@pytest.mark.parametrize(("backbone", "name"), [("vgg", "vgg16-397923af.pth"), ("alex", "alexnet-owt-7be5be79.pth")])
def test_without_weights_a_note_says_which_file_goes_where(no_weights: Path, backbone: str, name: str) -> None:
    image = torch.zeros(32, 32, 3)
    assert lpips(image, image, backbone) is None
    assert lpips_note(backbone).endswith(f"{name} at {no_weights / name}")
    assert "\n" not in lpips_note(backbone)


def test_a_file_that_is_not_the_true_weights_gives_no_lpips(no_weights: Path) -> None:
    (no_weights / "vgg16-397923af.pth").write_bytes(b"random numbers")
    image = torch.zeros(32, 32, 3)
    assert lpips(image, image) is None
    assert "is not the file" in lpips_note()


def test_lpips_gives_the_network_values_from_minus_one_to_one(
    no_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real network can't be had here, so a recorder stands in for it."""
    content = b"stands for the weights"
    name = f"vgg16-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (no_weights / name).write_bytes(content)
    module = importlib.import_module("nerfzip.metrics.lpips")
    monkeypatch.setitem(module.BACKBONES, "vgg", name)
    seen = []

    class Recorder(torch.nn.Module):
        def __init__(self, net: str, verbose: bool) -> None:
            super().__init__()
            assert net == "vgg"

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            seen.extend([x, y])
            return torch.full((1, 1, 1, 1), 0.25)

    monkeypatch.setattr(lpips_package, "LPIPS", Recorder)
    module._network.cache_clear()
    prediction = torch.zeros(32, 40, 3, dtype=torch.uint8)
    prediction[0, 0] = torch.tensor([0, 255, 51])
    try:
        assert evaluate(prediction, prediction)["lpips"] == 0.25
    finally:
        module._network.cache_clear()
    assert seen[0].shape == (1, 3, 32, 40)
    assert seen[0].dtype == torch.float32
    assert torch.allclose(seen[0][0, :, 0, 0], torch.tensor([-1, 1, -0.6]))
