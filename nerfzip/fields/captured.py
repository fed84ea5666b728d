"""Fields on CUDA whose rendering is captured once, as a graph of all its kernels, and then replayed by one launch."""

import torch

from nerfzip.fields.field import Renderable, RenderedRays
from nerfzip.geometry import Rays

BEFORE_CAPTURE = 8
"""Bundles that are rendered directly. By then kernels are compiled and libraries have their workspaces; and capturing
costs more than it saves where a field, such as a frame of a video, is seen once."""


def can_be_captured(field: Renderable) -> bool:
    """Whether a field says that it `has_fixed_shapes`.

    Then it renders any two bundles of as many rays by the same operations on tensors of the same shapes, and nothing
    of that waits for the device or looks at a value.
    """
    return bool(getattr(field, "has_fixed_shapes", False))


class CapturedField:
    """A field that can be captured: a graph for each number of rays that comes more than `BEFORE_CAPTURE` times."""

    def __init__(self, field: Renderable) -> None:
        self._field = field
        self._seen: dict[int, int] = {}
        self._graphs: dict[int, _Graph] = {}

    def render(self, rays: Rays) -> RenderedRays:
        count = len(rays)
        if count not in self._graphs:
            self._seen[count] = self._seen.get(count, 0) + 1
            if self._seen[count] <= BEFORE_CAPTURE:
                return self._field.render(rays)
            self._graphs[count] = _Graph(self._field, rays)
        return self._graphs[count].render(rays)


class _Graph:
    """One bundle, captured. Its tensors stay where they are: rays are copied in, and results out."""

    def __init__(self, field: Renderable, rays: Rays) -> None:
        self._rays = Rays(rays.origins.clone(), rays.directions.clone())
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._rendered = field.render(self._rays)

    def render(self, rays: Rays) -> RenderedRays:
        self._rays.origins.copy_(rays.origins)
        self._rays.directions.copy_(rays.directions)
        self._graph.replay()
        rendered = self._rendered
        return RenderedRays(rendered.rgb.clone(), rendered.opacity.clone(), rendered.depth.clone())
