from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nerfzip.data.images import downscale_rgba, read_rgba
from nerfzip.errors import CaptureError


def slow_area_filter(rgba: np.ndarray, factor: int) -> np.ndarray:
    """What the definition says, pixel by pixel, in float64."""
    height, width = rgba.shape[0] // factor, rgba.shape[1] // factor
    result = np.zeros((height, width, 4))
    for row in range(height):
        for column in range(width):
            colour, alpha = np.zeros(3), 0.0
            for down in range(factor):
                for across in range(factor):
                    pixel = rgba[row * factor + down, column * factor + across].astype(np.float64)
                    colour += pixel[:3] * pixel[3]
                    alpha += pixel[3]
            result[row, column, 3] = alpha / factor**2
            result[row, column, :3] = colour / alpha if alpha else 0.0
    return result


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_area_filter_against_slow_reference(factor: int) -> None:
    rng = np.random.default_rng(0)
    rgba = rng.random((17, 22, 4), dtype=np.float32)
    rgba[..., 3] = rng.choice([0.0, 0.25, 1.0], (17, 22))
    rgba[:6, :6, 3] = 0
    if factor == 1:
        assert downscale_rgba(rgba, 1) is rgba
        return
    result = downscale_rgba(rgba, factor)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, slow_area_filter(rgba, factor), atol=1e-6)
    opaque = rgba.copy()
    opaque[..., 3] = 1
    np.testing.assert_allclose(downscale_rgba(opaque, factor), slow_area_filter(opaque, factor), atol=1e-6)


def test_invisible_colour_does_not_bleed() -> None:
    rgba = np.zeros((2, 2, 4), np.float32)
    rgba[0, 0] = 1, 0, 0, 1
    rgba[1, 1] = 0, 1, 0, 0
    np.testing.assert_allclose(downscale_rgba(rgba, 2)[0, 0], [1, 0, 0, 0.25])


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (51, 102, 153, 204), (0.2, 0.4, 0.6, 0.8)),
        ("RGB", (51, 102, 153), (0.2, 0.4, 0.6, 1.0)),
        ("L", 51, (0.2, 0.2, 0.2, 1.0)),
        ("LA", (51, 102), (0.2, 0.2, 0.2, 0.4)),
    ],
)
def test_read_rgba(tmp_path: Path, mode: str, colour: int, expected: tuple[float, ...]) -> None:
    path = tmp_path / "image.png"
    Image.new(mode, (3, 2), colour).save(path)
    rgba = read_rgba(path, 3, 2)
    assert rgba.shape == (2, 3, 4)
    assert rgba.dtype == np.float32
    np.testing.assert_allclose(rgba, np.broadcast_to(expected, (2, 3, 4)), atol=1e-7)


def test_16_bit_grey_is_refused_rather_than_clipped(tmp_path: Path) -> None:
    path = tmp_path / "depth.png"
    Image.fromarray(np.full((2, 3), 40_000, np.uint16)).save(path)
    with pytest.raises(CaptureError, match=r"depth\.png: pixels of Pillow's mode I;16, expected"):
        read_rgba(path, 3, 2)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damaged_files_give_an_image_or_a_capture_error(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    data, errors = path.read_bytes(), 0
    damaged = [data[:length] for length in range(0, len(data), 7)]
    for _ in range(200):
        flipped = bytearray(data)
        flipped[rng.integers(len(data))] ^= 1 << rng.integers(8)
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        try:
            assert read_rgba(path, 8, 8).shape == (8, 8, 4)
        except CaptureError as error:
            errors += 1
            assert str(path) in str(error)
    assert errors >= len(range(0, len(data), 7)) - 1
