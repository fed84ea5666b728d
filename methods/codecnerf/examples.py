"""What a step of base training sees: views of an object for the encoder, and rays of its other views."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.data.scene import Scene, Views
from nerfzip.data.visual_hull import FOREGROUND_ALPHA
from nerfzip.errors import CaptureError, require_setting
from nerfzip.geometry import Box, Cameras, Colour, Rays

SceneOf = Callable[[int], Scene]
"""A number from 0 on -> the object of that number."""


@dataclass(frozen=True)
class SourceViews:
    """What the encoder is given.

    Attributes:
        images: in [0, 1], on the object's background.
    """

    images: Float[Tensor, "views 3 height width"]
    cameras: Cameras
    box: Box


@dataclass(frozen=True)
class Example:
    """
    Attributes:
        patch: the last patch² rays are those of a square piece of an image, row by row.
    """

    source: SourceViews
    rays: Rays
    colours: Float[Tensor, "rays 3"]
    background: Colour
    near: float
    patch: int


@dataclass(frozen=True)
class Sample:
    """How much of an object a step sees.

    Attributes:
        source_views: drawn at random from all its views.
        target_views: of the others, drawn at random.
        rays: through pixels of these, drawn at random.
        foreground: share of these rays that are drawn where the object is.
        patch: width and height in pixels of a piece of one of these, drawn at random, whose rays come last; 0 is none.
    """

    source_views: int
    target_views: int
    rays: int
    foreground: float = 0.0
    patch: int = 0

    def __post_init__(self) -> None:
        require_setting(0 <= self.foreground <= 1, "training.sample.foreground", self.foreground, "from 0 to 1")


def source_views(scene: Scene, views: Views, indices: list[int]) -> SourceViews:
    """Some of the views, as the encoder is given them."""
    images = torch.stack([views.image(index, scene.background) for index in indices])
    return SourceViews(images.movedim(3, 1) / 255, views.cameras[indices], scene.box)


def views_to_encode(scene: Scene, most: int) -> SourceViews:
    """The split `source` of captures that have one, else the training views: at most so many, at even distances."""
    views = scene.splits.get("source", scene.train)
    count = min(len(views), most)
    return source_views(scene, views, [round(index * (len(views) - 1) / max(1, count - 1)) for index in range(count)])


def draw_example(scene: Scene, sample: Sample, draws: np.random.Generator) -> Example:
    """From the training and test views together, all of which base training may see (CodecNeRF, section 4.2).

    Raises:
        CaptureError: the object has too few views.
    """
    splits = (scene.train, scene.test)
    places = [(views, index) for views in splits for index in range(len(views))]
    wanted = sample.source_views + sample.target_views
    if len(places) < wanted:
        raise CaptureError(f"{scene.name}: {len(places)} views, base training wants {wanted} for each step")
    order = draws.permutation(len(places))[:wanted]
    source = _together(scene, [places[index] for index in order[: sample.source_views]])
    targets = [places[index] for index in order[sample.source_views :]]
    target = _together(scene, targets)
    height, width = target.images.shape[2:]
    if sample.patch > min(height, width):
        raise CaptureError(
            f"{scene.name}: views of {width}×{height} pixels, base training wants {sample.patch} at least"
        )
    random = _pixels(targets, sample, draws)
    corner = [draws.integers(end) for end in (len(target.images), height - sample.patch + 1, width - sample.patch + 1)]
    patch = np.indices((1, sample.patch, sample.patch)).reshape(3, -1) + np.array(corner)[:, None]
    view, rows, columns = torch.from_numpy(np.concatenate([random, patch], axis=1))
    colours = target.images[view, :, rows, columns]
    rays = target.cameras.rays(view, columns, rows)
    return Example(source, rays, colours, scene.background, scene.near, sample.patch)


def _pixels(targets: list[tuple[Views, int]], sample: Sample, draws: np.random.Generator) -> Int[np.ndarray, "3 rays"]:
    """View, row and column of random pixels."""
    alphas = np.stack([views.rgba(index)[..., 3].numpy() for views, index in targets])
    places = draws.integers(alphas.size, size=sample.rays)
    foreground = np.flatnonzero(alphas > FOREGROUND_ALPHA)
    count = round(sample.foreground * sample.rays) if len(foreground) else 0
    places[:count] = foreground[draws.integers(max(1, len(foreground)), size=count)]
    return np.stack(np.unravel_index(places, alphas.shape))


def _together(scene: Scene, places: list[tuple[Views, int]]) -> SourceViews:
    parts = [source_views(scene, views, [index]) for views, index in places]
    cameras = Cameras(
        torch.cat([part.cameras.camera_to_world for part in parts]),
        torch.cat([part.cameras.intrinsics for part in parts]),
        parts[0].cameras.width,
        parts[0].cameras.height,
    )
    return SourceViews(torch.cat([part.images for part in parts]), cameras, scene.box)
