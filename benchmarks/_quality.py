"""The quality of a field in memory, measured as the jobs measure decoded files."""

from nerfzip.data.scene import Scene
from nerfzip.fields.field import Renderable
from nerfzip.metrics import psnr
from nerfzip.rendering.images import render_image


def test_view_psnr(field: Renderable, scene: Scene) -> float:
    """Mean PSNR over all test views, on images rounded to 8 bits."""
    total = 0.0
    for index in range(len(scene.test)):
        image = (render_image(field, scene.test.cameras, index) * 255).round() / 255
        total += psnr(image, scene.test.image(index, scene.background) / 255)
    return total / len(scene.test)
