"""The quality of a field in memory, measured as the jobs measure decoded files."""

from nerfzip.data.scene import Scene
from nerfzip.fields.field import Renderable
from nerfzip.metrics import psnr
from nerfzip.rendering.images import render_pixels


def test_view_psnr(field: Renderable, scene: Scene) -> float:
    """Mean PSNR over all test views, on images rounded to 8 bits."""
    total = 0.0
    for index in range(len(scene.test)):
        truth = scene.test.image(index, scene.background).cpu()
        total += psnr(render_pixels(field, scene.test.cameras, index) / 255, truth / 255)
    return total / len(scene.test)
