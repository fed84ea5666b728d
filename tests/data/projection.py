"""The check every loader must pass: a known point projects onto the dot that was drawn for it."""

import numpy as np
import torch
from tiny_captures import Capture

from nerfzip.data import Views


def assert_dots_are_where_points_project(views: Views, capture: Capture, downscale: int, depth: float = 3.5) -> None:
    """Dots are 2×2 pixels with the point at their common corner; with `downscale` 2 that is one pixel's centre.

    All points lie at the same `depth`.
    """
    for index, name in enumerate(views.names):
        point = torch.tensor(capture.points[name], dtype=torch.float32)[None]
        column, row, found = views.cameras.project(point, index)[0].tolist()
        rgba = views.rgba(index).numpy()
        redness = rgba[..., 0] * rgba[..., 3]
        rows, columns = np.nonzero(redness > 0.9)
        assert len(rows) == (2 // downscale) ** 2
        assert abs(columns.mean() + 0.5 - column) < 1e-3
        assert abs(rows.mean() + 0.5 - row) < 1e-3
        assert abs(found - depth) < 1e-4
        assert (columns.min() * downscale, rows.min() * downscale) == capture.pixels[name]
