"""Fields on CUDA whose rendering is captured once, as a graph of all its kernels, and then replayed by one launch."""

import logging
from typing import Any

import torch

from nerfzip.fields.field import Renderable, RenderedRays
from nerfzip.geometry import Rays
from nerfzip.kernels.backend import form_for

_log = logging.getLogger(__name__)
BEFORE_CAPTURE = 8
"""Bundles that are rendered directly. By then kernels are compiled and libraries have their workspaces; and capturing
costs more than it saves where a field, such as a frame of a video, is seen once."""


def can_be_captured(field: Renderable) -> bool:
    """Whether a field says that it `has_fixed_shapes`.

    Then it renders any two bundles of as many rays by the same operations on tensors of the same shapes, and nothing
    of that waits for the device or looks at a value, as long as its kernels are those for CUDA.
    """
    return bool(getattr(field, "has_fixed_shapes", False))


class CapturedField:
    """A field that can be captured: a graph for each number of rays that comes more than `BEFORE_CAPTURE` times.

    Where other kernels run than those for CUDA, such as twins, and where capturing fails, it is rendered directly.
    """

    def __init__(self, field: Renderable) -> None:
        self._field = field
        self._seen: dict[int, int] = {}
        self._graphs: dict[int, _Graph | None] = {}
        self._memory: Any = None

    def render(self, rays: Rays) -> RenderedRays:
        if form_for(rays.origins) != "cuda":
            return self._field.render(rays)
        count = len(rays)
        if count not in self._graphs:
            self._seen[count] = self._seen.get(count, 0) + 1
            if self._seen[count] <= BEFORE_CAPTURE:
                return self._field.render(rays)
            self._graphs[count] = self._capture(rays)
        graph = self._graphs[count]
        return self._field.render(rays) if graph is None else graph.render(rays)

    def _capture(self, rays: Rays) -> "_Graph | None":
        # One pool for all graphs: none is replayed while another's results are read, and no result is freed.
        self._memory = self._memory or torch.cuda.graph_pool_handle()
        try:
            return _Graph(self._field, rays, self._memory)
        # Of PyTorch, Triton and the driver each raises its own; what can't be captured can still be rendered.
        except Exception as error:
            _log.warning("rendering without a CUDA graph: capturing failed: %s", str(error).strip().partition("\n")[0])
            return None


class _Graph:
    """One bundle, captured. Its tensors stay where they are: rays are copied in, and results out."""

    def __init__(self, field: Renderable, rays: Rays, memory: Any) -> None:
        self._rays = Rays(rays.origins.clone(), rays.directions.clone())
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=memory):
            self._rendered = field.render(self._rays)

    def render(self, rays: Rays) -> RenderedRays:
        self._rays.origins.copy_(rays.origins)
        self._rays.directions.copy_(rays.directions)
        self._graph.replay()
        rendered = self._rendered
        return RenderedRays(rendered.rgb.clone(), rendered.opacity.clone(), rendered.depth.clone())
