"""How near decoded images are to the ground truth."""

from pathlib import Path
from typing import Any

from nerfzip import metrics
from nerfzip.benchmark.ground_truth import pixel_digest
from nerfzip.benchmark.measured_views import TEST, TRAIN, MeasuredView
from nerfzip.data.scene import Capture, frames_of
from nerfzip.errors import NerfzipError
from nerfzip.progress import track
from nerfzip.rendering.images import read_png


def measure_images(folder: Path, capture: Capture, views: list[MeasuredView]) -> list[dict[str, Any]]:
    """Compare the 8-bit images in a folder with the capture.

    Returns:
        For each image its frame, its split, its name, its file, the digest of the ground truth, and the metrics.
    """
    images = []
    scenes = frames_of(capture)
    for view in track(views, "measure", len(views)):
        scene = scenes[view.frame]
        truth = scene.splits[view.split].image(view.index, scene.background)
        prediction = read_png(folder / view.file)
        if prediction.shape != truth.shape:
            sizes = f"{tuple(prediction.shape)}, the capture's {tuple(truth.shape)}"
            raise NerfzipError(f"{folder / view.file}: the decoded image has shape {sizes}")
        measured = metrics.evaluate(prediction, truth)
        where = {"frame": view.frame, "split": view.split, "view": view.name, "file": view.file}
        images.append({**where, "truth": pixel_digest(truth), **measured})
    return images


def mean_metrics(images: list[dict[str, Any]]) -> dict[str, float]:
    """The mean over images of each metric (DESIGN.md, promise 7), of training views under names such as psnr_train."""
    means = _means([image for image in images if image["split"] == TEST])
    of_training = _means([image for image in images if image["split"] == TRAIN])
    return means | {f"{name}_{TRAIN}": value for name, value in of_training.items()}


def _means(images: list[dict[str, Any]]) -> dict[str, float]:
    names = [name for name, value in images[0].items() if isinstance(value, float)] if images else []
    return {name: sum(image[name] for image in images) / len(images) for name in names}
