"""How near decoded images are to the ground truth."""

from pathlib import Path
from typing import Any

from nerfzip import metrics
from nerfzip.benchmark.ground_truth import pixel_digest
from nerfzip.data.scene import Scene
from nerfzip.errors import NerfzipError
from nerfzip.progress import track
from nerfzip.rendering.images import image_name, read_png


def measure_images(folder: Path, scene: Scene) -> list[dict[str, Any]]:
    """Compare the 8-bit images in a folder with the test images of a scene.

    Returns:
        For each image its name, its file, the digest of the ground truth, and the metrics.
    """
    images = []
    for index in track(range(len(scene.test)), "measure", len(scene.test)):
        truth = scene.test.image(index, scene.background)
        prediction = read_png(folder / image_name(index))
        if prediction.shape != truth.shape:
            sizes = f"{tuple(prediction.shape)}, the capture's {tuple(truth.shape)}"
            raise NerfzipError(f"{folder / image_name(index)}: the decoded image has shape {sizes}")
        measured = metrics.evaluate(prediction, truth)
        names = {"view": scene.test.names[index], "file": image_name(index), "truth": pixel_digest(truth)}
        images.append({**names, **measured})
    return images


def mean_metrics(images: list[dict[str, Any]]) -> dict[str, float]:
    """The mean over images of each metric (DESIGN.md, promise 7)."""
    names = [name for name, value in images[0].items() if isinstance(value, float)]
    return {name: sum(image[name] for image in images) / len(images) for name in names}
