import numpy as np
import pytest

from nerfzip.data.lens import Lens, undistortion
from nerfzip.errors import CaptureError

WIDTH, HEIGHT = 60, 50


@pytest.mark.parametrize(
    "coefficients", [{"k1": 0.3}, {"k1": 0.1, "p1": 0.05, "p2": -0.03}, {"k1": -0.2}, {"p2": 0.02}]
)
def test_the_rectangle_is_covered_and_can_not_grow(coefficients: dict[str, float]) -> None:
    lens = Lens(50, 55, 28, 26, **coefficients)
    rectangle = undistortion(lens, WIDTH, HEIGHT, "here")
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    column, row = lens.distort(columns, rows)
    covered = (column >= 0.5) & (column <= WIDTH - 0.5) & (row >= 0.5) & (row <= HEIGHT - 0.5)
    left, top = rectangle.left, rectangle.top
    right, bottom = left + rectangle.width, top + rectangle.height
    assert covered[top:bottom, left:right].all()
    assert left == 0 or not covered[top:bottom, left - 1].all()
    assert top == 0 or not covered[top - 1, left:right].all()
    assert right == WIDTH or not covered[top:bottom, right].all()
    assert bottom == HEIGHT or not covered[bottom, left:right].all()


def test_resampling_reads_a_linear_ramp_exactly() -> None:
    """Bilinear interpolation is exact on a ramp, so each pixel shows the distorted coordinate it was read from."""
    lens = Lens(50, 55, 28, 26, k1=0.2, k2=-0.05, p1=0.01, p2=0.02)
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    photo = np.stack([columns / WIDTH, rows / HEIGHT, 0 * rows, 0 * rows + 1], axis=-1).astype(np.float32)
    rectangle = undistortion(lens, WIDTH, HEIGHT, "here")
    flat = rectangle(photo)
    column, row = lens.distort(columns, rows)
    part = np.s_[rectangle.top : rectangle.top + rectangle.height, rectangle.left : rectangle.left + rectangle.width]
    np.testing.assert_allclose(flat[..., 0] * WIDTH, column[part], atol=1e-3)
    np.testing.assert_allclose(flat[..., 1] * HEIGHT, row[part], atol=1e-3)
    np.testing.assert_allclose(flat[..., 3], 1, atol=1e-6)


def test_largest_radius() -> None:
    assert Lens(1, 1, 0, 0, k1=0.1).largest_radius() == float("inf")
    # r + k1 r³ turns where 1 + 3 k1 r² = 0.
    assert Lens(1, 1, 0, 0, k1=-0.12).largest_radius() == pytest.approx(np.sqrt(1 / 0.36))


def test_what_the_lens_would_show_twice_is_cropped() -> None:
    lens = Lens(30, 30, 30, 25, k1=-0.6)
    rectangle = undistortion(lens, WIDTH, HEIGHT, "here")
    corner = np.hypot(30 - rectangle.left - 0.5, 25 - rectangle.top - 0.5) / 30
    assert corner < np.sqrt(1 / 1.8) < np.hypot(30, 25) / 30


def test_impossible_coefficients() -> None:
    with pytest.raises(CaptureError, match="here: undoing the lens distortion leaves no pixel"):
        undistortion(Lens(50, 50, 500, 500, k1=3.0), WIDTH, HEIGHT, "here")
